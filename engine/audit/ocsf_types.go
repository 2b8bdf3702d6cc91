package audit

// ocsfVersion is the release of the Open Cybersecurity Schema Framework that events
// are written in. The next one names the class for grants anew: this file is where it
// is changed.
const ocsfVersion = "1.8.0"

// ocsfMapping counts the changes of what this file and ocsf.go write for an event. A
// line is checked by what the same mapping writes.
const ocsfMapping = "1"

// The classes. Both are of the category Identity & Access Management.
const (
	ocsfEntity = 3004 // Entity Management
	ocsfAccess = 3005 // User Access Management: privileges of a user
)

// The activities of Entity Management, and the two of User Access Management.
const (
	ocsfCreate     = 1
	ocsfRead       = 2
	ocsfUpdate     = 3
	ocsfDelete     = 4
	ocsfEnable     = 8
	ocsfActivate   = 10
	ocsfDeactivate = 11
	ocsfOther      = 99

	ocsfAssign = 1
	ocsfRevoke = 2
)

// How it went.
const (
	ocsfSuccess = 1 // the zero value of a type means it
	ocsfFailure = 2
	ocsfOpen    = 99 // it is under way
)

// How grave it is. The zero value of a type means the first.
const (
	ocsfInformational = 1
	ocsfLow           = 2
	ocsfMedium        = 3
	ocsfHigh          = 4
	ocsfCritical      = 5
	ocsfTold          = -1 // as the event says
)

// ocsfType is how a type of event is written.
type ocsfType struct {
	class, activity, status, severity int
	says                              string // what happened, for people
}

// ocsfTypeOf is the mapping. A type that it does not have is some other activity.
func ocsfTypeOf(typ string) ocsfType {
	t, known := ocsfTypes[typ]
	if !known {
		t = ocsfType{activity: ocsfOther, says: typ}
	}
	if t.class == 0 {
		t.class = ocsfEntity
	}
	if t.status == 0 {
		t.status = ocsfSuccess
	}
	if t.severity == 0 {
		t.severity = ocsfInformational
	}
	return t
}

var ocsfTypes = map[string]ocsfType{
	RequestSubmitted: {activity: ocsfCreate, says: "Access was requested"},
	RequestReviewed:  {activity: ocsfUpdate, says: "A reviewer answered a request"},
	RequestApproved:  {activity: ocsfActivate, says: "A request was approved"},
	RequestDenied:    {activity: ocsfDeactivate, status: ocsfFailure, severity: ocsfLow, says: "A request was denied"},
	RequestReminded:  {activity: ocsfOther, says: "The reviewers of a request were asked again"},
	RequestEscalated: {activity: ocsfUpdate, says: "More people may answer a request"},
	RequestWithdrawn: {activity: ocsfDeactivate, says: "A request was taken back"},
	RequestLapsed:    {activity: ocsfDeactivate, status: ocsfFailure, says: "Nobody answered a request in time"},

	GrantScheduled: {activity: ocsfCreate, says: "Access was granted for later"},
	GrantStarted:   {class: ocsfAccess, activity: ocsfAssign, says: "Access began"},
	GrantMoved:     {activity: ocsfUpdate, says: "The time of a grant moved"},
	GrantEnding:    {activity: ocsfOther, says: "Access ends soon"},
	GrantEnded:     {class: ocsfAccess, activity: ocsfRevoke, says: "Access ended"},

	BindingDesired:       {activity: ocsfUpdate, says: "What a target is to hold changed"},
	BindingAttempted:     {activity: ocsfOther, status: ocsfOpen, says: "A target is being told"},
	BindingFailed:        {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "A target could not be told"},
	BindingOvertaken:     {activity: ocsfOther, status: ocsfFailure, says: "An attempt was overtaken"},
	BindingProvisioned:   {activity: ocsfActivate, says: "A target confirmed that access is open"},
	BindingDeprovisioned: {activity: ocsfDeactivate, says: "A target confirmed that access is closed"},
	BindingOverdue:       {activity: ocsfOther, status: ocsfFailure, severity: ocsfHigh, says: "A target has not confirmed for too long"},
	BindingAccepted:      {activity: ocsfOther, status: ocsfOpen, says: "A target took a message, and is to confirm it"},
	BindingUpdated:       {activity: ocsfUpdate, says: "A target confirmed a new deadline"},
	BindingRetried:       {activity: ocsfOther, says: "Somebody wanted the next attempt at once"},
	BindingReasserted:    {activity: ocsfOther, says: "A target is told anew"},
	BindingForced:        {activity: ocsfDeactivate, severity: ocsfHigh, says: "Access was declared closed without the target's word"},
	BindingVerified:      {activity: ocsfRead, says: "Asked, a target said that access is as it should be"},
	BindingDrifted:       {activity: ocsfRead, status: ocsfFailure, severity: ocsfHigh, says: "Asked, a target said that access is not as it should be"},

	TaskOpened:   {activity: ocsfCreate, says: "A second person is asked for"},
	TaskUpdated:  {activity: ocsfUpdate, says: "A task has one more reason"},
	TaskReminded: {activity: ocsfOther, says: "A task still waits"},
	TaskClosed:   {activity: ocsfDeactivate, says: "A task was closed"},
	TaskApproved: {activity: ocsfActivate, says: "A task was approved"},
	TaskRejected: {activity: ocsfDeactivate, says: "A task was rejected"},

	ResourceCreated:  {activity: ocsfCreate, says: "A resource came into the catalogue"},
	ResourceUpdated:  {activity: ocsfUpdate, says: "A resource changed in the catalogue"},
	ResourceArchived: {activity: ocsfDelete, says: "A resource left the catalogue"},
	CatalogueSynced:  {activity: ocsfUpdate, says: "A source's snapshot of the catalogue is in force"},
	CatalogueRefused: {activity: ocsfUpdate, status: ocsfFailure, severity: ocsfMedium, says: "A source's snapshot of the catalogue was refused"},

	AlarmRaised:   {activity: ocsfCreate, severity: ocsfTold, says: "An alarm was raised"},
	AlarmChanged:  {activity: ocsfUpdate, severity: ocsfTold, says: "An alarm changed"},
	AlarmResolved: {activity: ocsfDeactivate, says: "An alarm is over"},

	PersonChanged:       {activity: ocsfUpdate, says: "What is known of a person changed"},
	RotaLoaded:          {activity: ocsfUpdate, says: "A rota was loaded"},
	RotaRefused:         {activity: ocsfUpdate, status: ocsfFailure, severity: ocsfMedium, says: "A rota can not be used"},
	SourceFailed:        {activity: ocsfRead, status: ocsfFailure, severity: ocsfMedium, says: "A source of facts could not be asked"},
	SourceRecovered:     {activity: ocsfRead, says: "A source of facts answered again"},
	SourceStale:         {activity: ocsfRead, status: ocsfFailure, severity: ocsfHigh, says: "What a source of facts said is too old to count"},
	SourceFaultsChanged: {activity: ocsfRead, says: "What of a source can not be used changed"},
	IncidentResolved:    {activity: ocsfDeactivate, says: "An incident was resolved"},
	IncidentReopened:    {activity: ocsfActivate, says: "An incident was reopened"},

	PolicyActivated:       {activity: ocsfActivate, severity: ocsfLow, says: "A revision of the policies is in force"},
	PolicyRefused:         {activity: ocsfUpdate, status: ocsfFailure, severity: ocsfMedium, says: "Policies can not be used"},
	DecisionLogOverflowed: {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "Decisions are missing from the decision log"},

	AccessRequestSubmitted: {activity: ocsfCreate, says: "A denial was answered by a request"},
	CallbackDelivered:      {activity: ocsfOther, says: "A caller was told how its request ended"},
	CallbackFailed:         {activity: ocsfOther, status: ocsfFailure, severity: ocsfLow, says: "A caller could not be told how its request ended"},

	OperationDenied:     {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "A caller may not do that"},
	CallerRefused:       {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "A caller could not say who it is"},
	ConfirmationRefused: {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "A target's word was not taken"},
	HookRefused:         {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "A message to a hook was not taken"},
	NoticeDropped:       {activity: ocsfOther, status: ocsfFailure, severity: ocsfLow, says: "Somebody could not be told"},

	KeyChanged:      {activity: ocsfUpdate, severity: ocsfMedium, says: "Checkpoints are signed by other keys"},
	Checkpointed:    {activity: ocsfCreate, says: "The audit log up to here was signed"},
	Exported:        {activity: ocsfRead, says: "Somebody took audit events out"},
	ExportConfirmed: {activity: ocsfUpdate, says: "An export is said to be kept outside"},
	EventsRemoved:   {activity: ocsfDelete, severity: ocsfMedium, says: "Audit events that are old enough were removed"},

	SinkFailed:    {activity: ocsfOther, status: ocsfFailure, severity: ocsfMedium, says: "A sink does not take events"},
	SinkRecovered: {activity: ocsfOther, says: "A sink takes events again"},
	SinkRetried:   {activity: ocsfOther, says: "Somebody wanted a sink tried at once"},
	SinkSetAside:  {activity: ocsfOther, status: ocsfFailure, severity: ocsfHigh, says: "A sink will never take an event"},
	SinkResent:    {activity: ocsfOther, says: "What was set aside was sent again"},

	GatewayStarted: {activity: ocsfEnable, says: "The gateway started"},
	GatewayStopped: {activity: ocsfDeactivate, says: "The gateway stopped"},
}

// ocsfActivities names the activities of Entity Management that are in use.
var ocsfActivities = map[int]string{
	ocsfCreate: "Create", ocsfRead: "Read", ocsfUpdate: "Update", ocsfDelete: "Delete", ocsfEnable: "Enable",
	ocsfActivate: "Activate", ocsfDeactivate: "Deactivate",
}

// ocsfSeverities names the severities.
var ocsfSeverities = map[int]string{
	ocsfInformational: "Informational", ocsfLow: "Low", ocsfMedium: "Medium", ocsfHigh: "High", ocsfCritical: "Critical",
}

// ocsfSeverityOf maps the severities of our own alarms.
var ocsfSeverityOf = map[string]int{"warning": ocsfMedium, "error": ocsfHigh, "critical": ocsfCritical}

// ocsfEntityIDs says by which member of the event, or else of its data, what it is about
// goes, by the first word of its type.
var ocsfEntityIDs = map[string]string{
	"request": "request_id", "grant": "grant_id", "binding": "binding_id", "task": "task_id", "resource": "resource",
	"catalogue": "source", "alarm": "alarm_id", "person": "subject", "rota": "source", "source": "source", "incident": "incident",
	"policy": "revision", "access_request": "task_id", "operation": "operation", "hook": "hook", "sink": "sink",
	"notice": "kind", "callback": "binding_id",
}

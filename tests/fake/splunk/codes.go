package splunk

// The codes of the collector that the fake makes by itself.
const (
	codeSuccess        = 0
	codeDisabled       = 1
	codeNoToken        = 2
	codeMalformedToken = 3
	codeUnknownToken   = 4
	codeNoData         = 5
	codeInvalidData    = 6
	codeIndex          = 7
	codeBusy           = 9
	codeNoChannel      = 10
	codeChannel        = 11
	codeNoEvent        = 12
	codeBlankEvent     = 13
	codeNoAck          = 14
	codeFields         = 15
	codeQueryToken     = 16
	codeHealthy        = 17
)

// codes are the status and the words of each code.
var codes = map[int]struct {
	status int
	text   string
}{
	codeSuccess:        {200, "Success"},
	codeDisabled:       {403, "Token disabled"},
	codeNoToken:        {401, "Token is required"},
	codeMalformedToken: {401, "Invalid authorization"},
	codeUnknownToken:   {403, "Invalid token"},
	codeNoData:         {400, "No data"},
	codeInvalidData:    {400, "Invalid data format"},
	codeIndex:          {400, "Incorrect index"},
	8:                  {500, "Internal server error"},
	codeBusy:           {503, "Server is busy"},
	codeNoChannel:      {400, "Data channel is missing"},
	codeChannel:        {400, "Invalid data channel"},
	codeNoEvent:        {400, "Event field is required"},
	codeBlankEvent:     {400, "Event field cannot be blank"},
	codeNoAck:          {400, "ACK is disabled"},
	codeFields:         {400, "Error in handling indexed fields"},
	codeQueryToken:     {400, "Query string authorization is not enabled"},
	codeHealthy:        {200, "HEC is healthy"},
	18:                 {503, "HEC is unhealthy, queues are full"},
	19:                 {503, "HEC is unhealthy, ack service unavailable"},
	20:                 {503, "HEC is unhealthy, queues are full, ack service unavailable"},
	21:                 {400, "Invalid token"},
	22:                 {400, "Token disabled"},
	23:                 {503, "Server is shutting down"},
	24:                 {200, "HEC queue is approaching capacity"},
	25:                 {200, "HEC ACK is approaching capacity"},
	26:                 {429, "HEC queue is at capacity"},
	27:                 {429, "HEC ACK channel is at capacity"},
}

// answer is what a request is answered. A member that is nil is not in it.
type answer struct {
	Text    string `json:"text"`
	Code    int    `json:"code"`
	Invalid *int   `json:"invalid-event-number,omitempty"`
	AckID   *int   `json:"ackId,omitempty"`
}

func said(code int) answer { return answer{Text: codes[code].text, Code: code} }

// about names the event that is meant; 0 is the first.
func about(code, event int) answer {
	a := said(code)
	a.Invalid = &event
	return a
}

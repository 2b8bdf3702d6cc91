package audit_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"

	"github.com/curfew-access/curfew/tests/contract"
)

// schemas are those of the two classes, as they are published.
func schemas(t *testing.T) map[float64]*jsonschema.Schema {
	t.Helper()
	out := map[float64]*jsonschema.Schema{}
	for class, file := range map[float64]string{
		3004: "ocsf/entity_management.1.8.0.schema.json", 3005: "ocsf/user_access.1.8.0.schema.json",
	} {
		path, err := contract.Find(file)
		if err != nil {
			t.Skip(err)
		}
		if out[class], err = jsonschema.NewCompiler().Compile(path); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func decoded(t *testing.T, canonical []byte) map[string]any {
	t.Helper()
	line := written(t, audit.FormatOCSF, 513, canonical)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatalf("%v in\n%s", err, line)
	}
	return doc.(map[string]any)
}

func TestEveryTypeIsValidOCSF(t *testing.T) {
	valid := schemas(t)
	for _, typ := range types(t) {
		for name, e := range map[string]audit.Event{"with everything": full(typ), "with nothing": bare(typ)} {
			doc := decoded(t, bytesOf(t, e))
			class, err := doc["class_uid"].(json.Number).Float64()
			if err != nil {
				t.Fatal(err)
			}
			if err := valid[class].Validate(doc); err != nil {
				t.Errorf("%s %s: %v", typ, name, err)
			}
		}
	}
}

func TestAnyEventIsValidOCSF(t *testing.T) {
	valid := schemas(t)
	someEvents(t, func(_ audit.Event, canonical []byte) {
		doc := decoded(t, canonical)
		class, err := doc["class_uid"].(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		if err := valid[class].Validate(doc); err != nil {
			t.Fatalf("%s\n%v", canonical, err)
		}
	})
}

// What a reader of OCSF relies on, also where the schema files are not.
func TestOCSFHasWhatItMust(t *testing.T) {
	for _, typ := range types(t) {
		for _, e := range []audit.Event{full(typ), bare(typ)} {
			doc := decoded(t, bytesOf(t, e))
			for _, name := range []string{
				"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "status_id", "message", "raw_data",
			} {
				if doc[name] == nil {
					t.Errorf("%s has no %s", typ, name)
				}
			}
			if doc["entity"] == nil && (doc["user"] == nil || doc["privileges"] == nil) {
				t.Errorf("%s is about nothing", typ)
			}
			if sum := number(t, doc, "class_uid")*100 + number(t, doc, "activity_id"); sum != number(t, doc, "type_uid") {
				t.Errorf("%s has the type %v of %v", typ, doc["type_uid"], sum)
			}
			says, ok := doc["message"].(string)
			if !ok || says == "" || says[0] < 'A' || says[0] > 'Z' || doc["severity"] == "" || doc["activity_name"] == "" {
				t.Errorf("%s has no words of its own: %v %v %v", typ, doc["severity"], doc["activity_name"], doc["message"])
			}
		}
	}
}

func number(t *testing.T, doc map[string]any, name string) int64 {
	t.Helper()
	n, err := doc[name].(json.Number).Int64()
	if err != nil {
		t.Fatalf("%s is %v", name, doc[name])
	}
	return n
}

func TestGrantIsUserAccessInOCSF(t *testing.T) {
	e := full(audit.GrantStarted)
	canonical := bytesOf(t, e)
	var got, want map[string]any
	if err := json.Unmarshal(written(t, audit.FormatOCSF, 513, canonical), &got); err != nil {
		t.Fatal(err)
	}
	if got["raw_data"] != string(canonical) {
		t.Errorf("raw_data is %v", got["raw_data"])
	}
	delete(got, "raw_data")
	delete(got["unmapped"].(map[string]any), "data")
	if err := json.Unmarshal([]byte(`{
		"metadata": {"version": "1.8.0", "sequence": 513, "uid": "evt_01JD", "correlation_uid": "req_1", "event_code": "grant.started",
			"log_name": "audit", "log_version": "1", "original_time": "2026-11-22T03:00:00.000005Z",
			"product": {"name": "Curfew", "vendor_name": "Curfew"}},
		"category_uid": 3, "category_name": "Identity & Access Management", "class_uid": 3005, "class_name": "User Access Management",
		"activity_id": 1, "activity_name": "Assign Privileges", "type_uid": 300501, "type_name": "User Access Management: Assign Privileges",
		"severity_id": 1, "severity": "Informational", "status_id": 1, "status": "Success",
		"time": 1795316400000, "start_time": 1795312800000, "end_time": 1795320000000,
		"message": "Access began: user:alice@example.com debug customer:acme",
		"actor": {"user": {"uid": "bob@example.com", "name": "bob@example.com", "email_addr": "bob@example.com", "type": "user", "type_id": 1}, "app_name": "api"},
		"user": {"uid": "alice@example.com", "name": "alice@example.com", "email_addr": "alice@example.com", "type": "user", "type_id": 1},
		"privileges": ["debug"], "resources": [{"uid": "acme", "name": "acme", "type": "customer"}],
		"src_endpoint": {"ip": "192.0.2.7"}, "http_request": {"uid": "http-1"},
		"unmapped": {"request_id": "req_1", "grant_id": "grt_1", "binding_id": "bnd_1", "decision_id": "dec_1", "revision": "sha256:ab", "channel": "api"}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

func wantSame(t *testing.T, got, want map[string]any) {
	t.Helper()
	g, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Fatalf("got\n%s\nwant\n%s", g, w)
	}
}

func TestOCSFSaysHowItWentAndWhoDidIt(t *testing.T) {
	service := access.Subject{Type: "service", ID: "ci"}
	started := full(audit.GrantEnded)
	started.Time = started.Time.Add(-2 * 60 * 60 * 1e9) // before it was to start
	byProgram := full(audit.OperationDenied)
	byProgram.Actor = &service
	for name, tc := range map[string]struct {
		event audit.Event
		path  []string
		want  any
	}{
		"a denial failed":                     {full(audit.RequestDenied), []string{"status_id"}, 2.0},
		"and says why":                        {full(audit.RequestDenied), []string{"status_detail"}, "401"},
		"a refused caller failed":             {full(audit.CallerRefused), []string{"status"}, "Failure"},
		"what is under way did neither":       {full(audit.BindingAttempted), []string{"status_id"}, 99.0},
		"an alarm is as grave as it says":     {full(audit.AlarmRaised), []string{"severity"}, "Critical"},
		"one that does not say is not":        {bare(audit.AlarmRaised), []string{"severity"}, "Informational"},
		"a grant ends when it ended":          {full(audit.GrantEnded), []string{"end_time"}, 1795316400000.0},
		"one that never started has no start": {started, []string{"start_time"}, nil},
		"nobody is the gateway":               {bare(audit.GrantStarted), []string{"actor", "app_name"}, "curfew"},
		"a program is a service":              {byProgram, []string{"actor", "user", "type_id"}, 4.0},
		"a request is its entity":             {full(audit.RequestSubmitted), []string{"entity", "uid"}, "req_1"},
		"a resource is its entity":            {full(audit.ResourceUpdated), []string{"entity", "uid"}, "customer:acme"},
		"a source is not an address":          {full(audit.CatalogueSynced), []string{"entity", "uid"}, "cmdb"},
		"a task is in the data":               {full(audit.TaskOpened), []string{"entity", "uid"}, "tsk_1"},
		"the gateway is an entity by name":    {bare(audit.GatewayStarted), []string{"entity", "name"}, "curfew"},
		"a comment is one":                    {full(audit.RequestWithdrawn), []string{"comment"}, "done, \"thanks\""},
		"another activity has our name":       {bare(audit.BindingOverdue), []string{"activity_name"}, "binding.overdue"},
		"a type that is new is another":       {bare("moon.landed"), []string{"activity_id"}, 99.0},
	} {
		t.Run(name, func(t *testing.T) {
			var got any
			if err := json.Unmarshal(written(t, audit.FormatOCSF, 1, bytesOf(t, tc.event)), &got); err != nil {
				t.Fatal(err)
			}
			for _, step := range tc.path {
				got = got.(map[string]any)[step]
			}
			if got != tc.want {
				t.Fatalf("%v is %v, want %v", tc.path, got, tc.want)
			}
		})
	}
}

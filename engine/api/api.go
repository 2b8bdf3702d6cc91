// Package api is Curfew's HTTP surface for programs (DESIGN 5): it reads a
// request strictly, finds out who calls, hands both to one of the engine's use
// cases, and writes the answer. It is a policy enforcement point (NIST SP
// 800-207) of Curfew's own API.
//
// No rule lives here. It alone knows status codes, problem documents and gin;
// nothing of gin leaves it.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
)

// Config is what New makes a handler of. Engine and Log are required.
type Config struct {
	Engine *engine.Engine
	Tokens []Token // who may call; nobody, when there are none
	// Ready says how the gateway is, for /readyz. When it is nil, a process that
	// answers is ready.
	Ready func(context.Context) Readiness
	// Metrics is what Prometheus reads, for /metrics; nil for none. It is asked
	// without a token, so it must hold no names.
	Metrics http.Handler
	// Hooks are handlers of signed inbound events, by path: they see the body as
	// it was sent, and no token is asked for. A path that ends in "/" takes all
	// below it.
	Hooks map[string]http.Handler
	// ExternalURL is where others reach the gateway, for the document that says so;
	// "" for no such document.
	ExternalURL string
	Log         *slog.Logger
	Version     string // of the program, for /healthz
}

type server struct {
	engine  *engine.Engine
	tokens  tokens
	ready   func(context.Context) Readiness
	metrics http.Handler // nil for none
	log     *slog.Logger
	version string
	origin  *http.CrossOriginProtection
	public  string // where others reach the gateway
}

// New returns the handler of the whole surface. It bounds what it reads;
// timeouts are the server's.
func New(cfg Config) (http.Handler, error) {
	tokens, err := newTokens(cfg.Tokens)
	if cfg.Engine == nil {
		err = errors.Join(err, errors.New("api: the engine is missing"))
	}
	if cfg.Log == nil {
		err = errors.Join(err, errors.New("api: the log is missing"))
	}
	if err != nil {
		return nil, err
	}
	s := &server{
		engine: cfg.Engine, tokens: tokens, ready: cfg.Ready, metrics: cfg.Metrics, log: cfg.Log, version: cfg.Version,
		origin: http.NewCrossOriginProtection(), public: cfg.ExternalURL,
	}
	if s.ready == nil {
		s.ready = func(context.Context) Readiness { return Readiness{Status: StatusOK} }
	}
	router, err := newRouter()
	if err != nil {
		return nil, err
	}
	router.Use(s.surround, s.survive, s.sameOrigin)
	router.NoRoute(s.noRoute)
	router.NoMethod(s.noMethod)
	for _, r := range s.routes() {
		router.Handle(r.method, r.path, r.handle)
	}
	for path, hook := range cfg.Hooks {
		if err := mount(router, path, hook); err != nil {
			return nil, err
		}
	}
	return router, nil
}

type route struct {
	method, path string
	handle       gin.HandlerFunc
}

// routes is every route, one a line. openapi.json describes the same ones; a
// test compares the two.
func (s *server) routes() []route {
	e, data, authZEN := s.engine, newDocuments(s.version), newEvaluations()
	return []route{
		{"POST", "/v1/decisions", handle(s, 200, body[engine.Ask], e.Decide)},
		{"GET", "/v1/decisions", handle(s, 200, decisionQuery, decisionEvents(e.DecisionEvents))},
		{"GET", "/v1/decisions/:id", handle(s, 200, id, decisionEvent(e.DecisionEvent))},
		{"POST", "/v1/requests", handle(s, 201, body[engine.Ask], e.Submit)},
		{"GET", "/v1/requests", handle(s, 200, list(requestStates), e.Requests)},
		{"GET", "/v1/requests/:id", handle(s, 200, id, e.Request)},
		{"POST", "/v1/requests/:id/approve", handle(s, 200, about[engine.Review], on(e.Approve))},
		{"POST", "/v1/requests/:id/deny", handle(s, 200, about[engine.Review], on(e.Deny))},
		{"POST", "/v1/requests/:id/withdraw", handle(s, 200, about[remark], remarked(e.Withdraw))},
		{"GET", "/v1/grants", handle(s, 200, list(grantStates), e.Grants)},
		{"GET", "/v1/grants/:id", handle(s, 200, id, e.Grant)},
		{"POST", "/v1/grants/:id/revoke", handle(s, 200, about[remark], remarked(revocations(e.Revoke)))},
		{"GET", "/v1/oncall", handle(s, 200, onCallQuery, e.OnCall)},
		{"GET", "/v1/tasks", handle(s, 200, taskQuery, e.Tasks)},
		{"GET", "/v1/tasks/:id", handle(s, 200, id, e.Task)},
		{"POST", "/v1/tasks/:id/close", handle(s, 200, about[remark], remarked(e.CloseTask))},
		{"POST", "/v1/tasks/:id/approve", handle(s, 200, about[remark], remarked(e.ApproveTask))},
		{"POST", "/v1/tasks/:id/reject", handle(s, 200, about[remark], remarked(e.RejectTask))},
		{"GET", "/v1/bindings", handle(s, 200, bindingQuery, e.Bindings)},
		{"GET", "/v1/bindings/:id", handle(s, 200, id, e.Binding)},
		{"POST", "/v1/bindings/:id/retry", handle(s, 200, about[remark], remarked(e.RetryBinding))},
		{"POST", "/v1/bindings/:id/force-close", handle(s, 202, reasoned, forced(e.ForceClose))},
		{"POST", "/v1/callbacks/:binding", s.callback},
		{"GET", "/v1/resources", handle(s, 200, catalogue, e.Resources)},
		{"GET", "/v1/resources/:type/:id", handle(s, 200, resource, e.Resource)},
		{"PUT", "/v1/sources/:source/resources", handle(s, 200, snapshot, e.Sync)},
		{"GET", "/v1/sources", handle(s, 200, sources, e.Sources)},
		{"GET", "/v1/sources/:source/runs", handle(s, 200, sourceRuns, runs(e.SyncRuns))},
		{"GET", "/v1/audit/events", handle(s, 200, eventQuery, events(e.Events))},
		{"GET", exportPath, handle(s, 200, exportQuery, exported(e.Export))},
		{"POST", "/v1/audit/confirmations", handle(s, 200, body[engine.ExportKept], e.ConfirmExport)},
		{"GET", "/v1/audit/checkpoint", handle(s, 200, checkpointQuery, checkpoints(e.AuditCheckpoint))},
		{"GET", "/v1/audit/proof/:id", handle(s, 200, proofQuery, proofs(e.AuditProof))},
		{"GET", "/v1/audit/consistency", handle(s, 200, consistencyQuery, consistencies(e.AuditConsistency))},
		{"GET", "/v1/audit/access", handle(s, 200, accessQuery, accesses(e))},
		{"GET", "/v1/audit/keys", handle(s, 200, nothing, auditKeys(e.AuditKeys))},
		{"GET", "/v1/audit/sinks", handle(s, 200, sources, e.Sinks)},
		{"GET", "/v1/audit/sinks/:name", handle(s, 200, sinkName, e.Sink)},
		{"POST", "/v1/audit/sinks/:name/retry", handle(s, 200, sinkRemark, remarked(e.RetrySink))},
		{"POST", evaluationPath, handle(s, 200, authZEN.read, verdicts(e.Check))},
		{"POST", evaluationsPath, handle(s, 200, authZEN.readMany, batches(e.Check, e.CheckAll))},
		{"POST", searchSubjectPath, handle(s, 200, authZEN.readSearch(engine.SearchSubjects), searches(e.Search))},
		{"POST", searchResourcePath, handle(s, 200, authZEN.readSearch(engine.SearchResources), searches(e.Search))},
		{"POST", searchActionPath, handle(s, 200, authZEN.readSearch(engine.SearchActions), searches(e.Search))},
		{"GET", authZENMetadataPath, s.authZENMetadata},
		{"POST", engine.AccessRequestPath, handle(s, 201, submission, submitted(e.SubmitAccessRequest))},
		{"GET", engine.AccessRequestPath + "/:task", handle(s, 200, taskID, tasks(e.AccessTask))},
		{"POST", engine.AccessRequestPath + "/:task/cancel", handle(s, 200, cancelling, cancelled(e.CancelAccessTask))},
		{"GET", engine.RequestSchemaPath, s.requestSchema},
		{"GET", engine.KeySetPath, s.keySet},
		{"POST", dataPath, handle(s, 200, data.read, data.answers(e.Query))},
		{"POST", dataPath + "/*path", handle(s, 200, data.read, data.answers(e.Query))},
		{"GET", dataPath, handle(s, 200, data.read, data.answers(e.Query))},
		{"GET", dataPath + "/*path", handle(s, 200, data.read, data.answers(e.Query))},
		{"GET", "/openapi.json", s.openAPI},
		{"GET", "/healthz", s.healthz},
		{"GET", "/readyz", s.readyz},
		{"GET", "/metrics", s.figures},
	}
}

// newRouter returns a router that redirects nothing, trusts no proxy's word and
// matches the path as it was sent, so that an id may hold an escaped slash.
func newRouter() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode) // gin's own switch; its debug mode prints to standard output
	router := gin.New()
	router.RedirectTrailingSlash, router.RedirectFixedPath = false, false
	router.HandleMethodNotAllowed = true
	router.UseEscapedPath, router.UnescapePathValues = true, false
	return router, router.SetTrustedProxies(nil)
}

// mount adds a hook. A path that is another route's is an error.
func mount(router *gin.Engine, path string, hook http.Handler) (err error) {
	if hook == nil || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("api: hook %q: want a path that begins with / and a handler", path)
	}
	defer func() {
		if p := recover(); p != nil { // gin's word for a conflict
			err = fmt.Errorf("api: hook %q: %v", path, p)
		}
	}()
	if strings.HasSuffix(path, "/") {
		path += "*rest"
	}
	router.Any(path, gin.WrapH(hook))
	return nil
}

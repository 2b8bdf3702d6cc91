package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// eventSource is what the source says of the events that it writes: which members the
// data of each type can have. It reads the code as people do, and not for every branch:
// a member that is there sometimes is there.
type eventSource struct {
	types map[string]string                     // the constants of package audit, by their names
	funcs map[string]map[string][]*ast.FuncDecl // of a folder, by their names
	known map[*ast.FuncDecl]*said
	made  map[string]members
}

// members are members of data. The value of one is the constant of the only type that
// has it; "" for all.
type members map[string]string

// told is an event that a function makes.
type told struct {
	types   []string // constants
	param   int      // of the function, that says its type; -1: none does
	members members
}

// said is what a function does to events.
type said struct {
	bound   []*told // those whose type it is given
	returns *told
	adds    members // to an event that it is given
}

// readEventSource reads the packages that write events.
func readEventSource(t *testing.T, types map[string]string, roots ...string) *eventSource {
	t.Helper()
	s := &eventSource{types: types, funcs: map[string]map[string][]*ast.FuncDecl{}, known: map[*ast.FuncDecl]*said{}, made: map[string]members{}}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil {
				s.add(filepath.Dir(path), file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for folder, funcs := range s.funcs {
		for _, same := range funcs {
			for _, f := range same {
				s.of(folder, f)
			}
		}
	}
	return s
}

func (s *eventSource) add(folder string, file *ast.File) {
	if s.funcs[folder] == nil {
		s.funcs[folder] = map[string][]*ast.FuncDecl{}
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			s.funcs[folder][f.Name.Name] = append(s.funcs[folder][f.Name.Name], f)
		}
	}
}

// has notes what an event can have.
func (s *eventSource) has(e *told) {
	for _, constant := range e.types {
		typ := s.types[constant]
		if s.made[typ] == nil {
			s.made[typ] = members{}
		}
		for name, only := range e.members {
			if only == "" || only == constant {
				s.made[typ][name] = ""
			}
		}
	}
}

// of is what a function does.
func (s *eventSource) of(folder string, f *ast.FuncDecl) *said {
	if known := s.known[f]; known != nil {
		return known
	}
	r := &eventReader{
		eventSource: s, folder: folder, params: map[string]int{}, events: map[string]*told{}, maps: map[string]members{}, typed: map[string][]string{},
		said: &said{adds: members{}},
	}
	s.known[f] = r.said
	at := 0
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			r.params[name.Name] = at
			at++
			if star, ok := field.Type.(*ast.StarExpr); ok && isEvent(star.X) {
				r.events[name.Name] = &told{param: -1, members: r.said.adds}
			}
		}
	}
	r.walk(f.Body)
	for _, e := range r.events {
		r.finish(e)
	}
	return r.said
}

func isEvent(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Event" && isNamed(s.X, "audit")
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// eventReader reads one function.
type eventReader struct {
	*eventSource
	folder string
	params map[string]int
	events map[string]*told   // variables
	maps   map[string]members // variables
	typed  map[string][]string
	only   string // the type that it reads about; "" for all
	said   *said
}

// finish notes an event that nothing more is done to.
func (r *eventReader) finish(e *told) {
	if e.param >= 0 {
		r.said.bound = append(r.said.bound, e)
	}
	r.has(e)
}

func (r *eventReader) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			return !r.about(n)
		case *ast.AssignStmt:
			return !r.assign(n)
		case *ast.ReturnStmt:
			r.back(n)
		case *ast.CallExpr:
			r.call(n)
		case *ast.CompositeLit:
			if e := r.event(n); e != nil {
				r.finish(e)
			}
		}
		return true
	})
}

// about reads what is said of one type only, if the condition is that.
func (r *eventReader) about(n *ast.IfStmt) bool {
	cond, ok := n.Cond.(*ast.BinaryExpr)
	if !ok || cond.Op != token.EQL || n.Else != nil {
		return false
	}
	types := r.typesOf(cond.Y)
	if len(types) != 1 {
		return false
	}
	r.only = types[0]
	r.walk(n.Body)
	r.only = ""
	return true
}

// assign reads an assignment, and reports whether it was of an event.
func (r *eventReader) assign(n *ast.AssignStmt) (ofEvent bool) {
	for i, to := range n.Lhs {
		var from ast.Expr
		if len(n.Rhs) == len(n.Lhs) {
			from = n.Rhs[i]
		}
		switch to := to.(type) {
		case *ast.Ident:
			ofEvent = r.assignName(to.Name, from) || ofEvent
		case *ast.IndexExpr:
			if data := r.data(to.X); data != nil {
				data[literal(to.Index)] = r.only
			}
		case *ast.SelectorExpr:
			if e := r.variable(to.X); e != nil && to.Sel.Name == "Data" {
				e.members = r.membersOf(from)
			}
		}
	}
	return ofEvent
}

func (r *eventReader) assignName(name string, from ast.Expr) bool {
	if e := r.event(from); e != nil {
		if was := r.events[name]; was != nil {
			r.finish(was)
		}
		r.events[name] = e
		return true
	}
	if m := r.membersOf(from); m != nil {
		r.maps[name] = m
	}
	r.typed[name] = append(r.typed[name], r.typesOf(from)...)
	return false
}

// variable is the event of a variable.
func (r *eventReader) variable(e ast.Expr) *told {
	if id, ok := e.(*ast.Ident); ok {
		return r.events[id.Name]
	}
	return nil
}

// data is the map that an expression of an event's data, or a variable, is.
func (r *eventReader) data(e ast.Expr) members {
	switch e := e.(type) {
	case *ast.Ident:
		return r.maps[e.Name]
	case *ast.SelectorExpr:
		if v := r.variable(e.X); v != nil && e.Sel.Name == "Data" {
			return v.members
		}
	}
	return nil
}

// back reads what is returned.
func (r *eventReader) back(n *ast.ReturnStmt) {
	for _, x := range n.Results {
		e := r.event(x)
		if e == nil {
			e = r.variable(x)
		}
		if e != nil {
			r.said.returns = e
		}
	}
}

// call reads a call: of what makes an event of a type that it is given, or adds to one.
func (r *eventReader) call(n *ast.CallExpr) {
	if e := r.event(n); e != nil {
		r.finish(e)
		return
	}
	for _, f := range r.called(n) {
		does := r.of(r.folder, f)
		for _, b := range does.bound {
			if b.param < len(n.Args) {
				r.has(&told{types: r.typesOf(n.Args[b.param]), members: b.members})
			}
		}
		for _, arg := range n.Args {
			if at, ok := arg.(*ast.UnaryExpr); ok && at.Op == token.AND && r.variable(at.X) != nil {
				maps.Copy(r.variable(at.X).members, does.adds)
			}
		}
	}
}

func (r *eventReader) called(n *ast.CallExpr) []*ast.FuncDecl {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return r.funcs[r.folder][f.Name]
	case *ast.SelectorExpr:
		return r.funcs[r.folder][f.Sel.Name]
	}
	return nil
}

// event is the event that an expression makes; nil when it makes none.
func (r *eventReader) event(x ast.Expr) *told {
	switch x := x.(type) {
	case *ast.CompositeLit:
		if isEvent(x.Type) {
			return r.literal(x)
		}
	case *ast.CallExpr:
		if f, ok := x.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "About" {
			return r.event(f.X)
		}
		for _, f := range r.called(x) {
			if f.Type.Results == nil || !isEvent(f.Type.Results.List[0].Type) {
				continue
			}
			does := r.of(r.folder, f)
			if does.returns == nil || len(f.Type.Params.List) == 0 {
				continue
			}
			e := &told{types: does.returns.types, param: -1, members: maps.Clone(does.returns.members)}
			if p := does.returns.param; p >= 0 && p < len(x.Args) {
				e.types, e.param = r.typesOf(x.Args[p]), r.paramOf(x.Args[p])
			}
			return e
		}
	}
	return nil
}

// literal is an event that is written as one.
func (r *eventReader) literal(x *ast.CompositeLit) *told {
	e := &told{param: -1, members: members{}}
	for _, element := range x.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		switch {
		case ok && isNamed(kv.Key, "Type"):
			e.types, e.param = r.typesOf(kv.Value), r.paramOf(kv.Value)
		case ok && isNamed(kv.Key, "Data"):
			e.members = r.membersOf(kv.Value)
		}
	}
	return e
}

// typesOf is the types that an expression can be, as constants.
func (r *eventReader) typesOf(x ast.Expr) (types []string) {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		if isNamed(x.X, "audit") && r.types[x.Sel.Name] != "" {
			return []string{x.Sel.Name}
		}
	case *ast.Ident:
		return r.typed[x.Name]
	case *ast.CallExpr: // of a function that chooses one
		for _, f := range r.called(x) {
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if back, ok := n.(*ast.ReturnStmt); ok && len(back.Results) == 1 {
					if one, ok := back.Results[0].(*ast.SelectorExpr); ok {
						types = append(types, r.typesOf(one)...)
					}
				}
				return true
			})
		}
	}
	return types
}

func (r *eventReader) paramOf(x ast.Expr) int {
	if id, ok := x.(*ast.Ident); ok {
		if at, known := r.params[id.Name]; known {
			return at
		}
	}
	return -1
}

// membersOf is the members of a map that is written, or of a variable that is one.
func (r *eventReader) membersOf(x ast.Expr) members {
	switch x := x.(type) {
	case *ast.Ident:
		return r.maps[x.Name]
	case *ast.CompositeLit:
		if _, ok := x.Type.(*ast.MapType); !ok {
			return nil
		}
		m := members{}
		for _, element := range x.Elts {
			if kv, ok := element.(*ast.KeyValueExpr); ok {
				m[literal(kv.Key)] = r.only
			}
		}
		return m
	}
	return nil
}

// literal is a text; "?name" of what is chosen elsewhere.
func literal(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		if err == nil {
			return text
		}
	case *ast.Ident:
		return "?" + x.Name
	}
	return "?"
}

// names are the members of a type, in order.
func (s *eventSource) names(typ string) []string {
	return slices.Sorted(maps.Keys(s.made[typ]))
}

// returned are the members of what a function returns.
func (s *eventSource) returned(t *testing.T, folder, name string) (found []string) {
	t.Helper()
	for _, f := range s.funcs[folder][name] {
		if r := s.of(folder, f).returns; r != nil {
			found = append(found, slices.Sorted(maps.Keys(r.members))...)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no function %s makes an event", name)
	}
	return found
}

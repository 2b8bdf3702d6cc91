package service

import "flag"

// AtOnce sets how many tests of a package run at once, unless the command says it: those
// of programs and services wait more than they work, so it can be more than there are
// processors. It is for TestMain.
func AtOnce(n string) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", n) // a number: it can be set
	}
}

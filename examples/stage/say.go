package stage

import (
	"fmt"
	"os"
	"sync"
)

// terminal keeps the lines of several programs apart.
var terminal sync.Mutex

// Say shows a line of somebody.
func Say(who, format string, args ...any) {
	Print(fmt.Sprintf("   [%s] ", who)+format+"\n", args...)
}

// Print shows text.
func Print(format string, args ...any) {
	terminal.Lock()
	defer terminal.Unlock()
	fmt.Fprintf(os.Stdout, format, args...)
}

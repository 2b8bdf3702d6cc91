//go:build race

package chaos_test

// raced is whether the tests run under the race detector: the gateway is then
// built with it, too.
const raced = true

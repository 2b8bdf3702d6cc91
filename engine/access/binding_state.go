package access

// BindingState is what operators look for among bindings.
type BindingState string

// The states that a list of bindings can be narrowed to. One binding can be in
// several.
const (
	BindingOverdue BindingState = "overdue" // Binding.OverdueAt
	BindingDrifted BindingState = "drifted" // by its target's own word it is not as it should be
	BindingPending BindingState = "pending" // there is work to do, now or later
	BindingPresent BindingState = "present" // the target confirmed it last
	BindingAbsent  BindingState = "absent"  // the target confirmed it last, or it was declared gone
	BindingForced  BindingState = "forced"  // it was declared gone without the target's word
)

// BindingStates lists them.
func BindingStates() []BindingState {
	return []BindingState{BindingOverdue, BindingDrifted, BindingPending, BindingPresent, BindingAbsent, BindingForced}
}

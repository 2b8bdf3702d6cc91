package main

import "fmt"

func slackTable(figures []slackFigure) table {
	t := table{
		title: fmt.Sprintf("In Slack, all at once: ms until the acknowledgement, with a Slack that takes %d ms for a call", slackAnswers.Milliseconds()),
		head:  []string{"people", "", "", "n", "p50", "p90", "p99", "max"},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.People), f.Ledger, f.What, fmt.Sprint(f.Ack.N), f.Ack.ms(0.5), f.Ack.ms(0.9), f.Ack.ms(0.99), f.Ack.ms(1))
	}
	return t
}

func stallTable(figures []slackStall) table {
	t := table{
		title: "In Slack, while the ledger commits nothing for a time: ms until the acknowledgement",
		head:  []string{"people", "", "", "held s", "p50", "p99", "max", "late", "told to wait", "stored after all", "told done, not stored"},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.People), f.Ledger, f.What, sec(f.Held), f.Ack.ms(0.5), f.Ack.ms(0.99), f.Ack.ms(1),
			fmt.Sprint(f.Late), fmt.Sprint(f.Waiting), fmt.Sprint(f.Stored), fmt.Sprint(f.Unstored))
	}
	return t
}

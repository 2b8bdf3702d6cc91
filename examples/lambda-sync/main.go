// Lambda-sync is an AWS Lambda function that makes a part of a Curfew gateway's
// catalogue what a customer directory says. Once a day it lists the active
// customers, and puts them as one whole snapshot of its source: who is new can be
// asked for, and who has left is archived, which ends the grants on them.
//
// It decides nothing, and holds nothing between two runs, so any run may be
// repeated.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	cfg, err := readConfig(os.LookupEnv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lambda-sync:", err)
		os.Exit(1)
	}
	f := newFunction(cfg, slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	lambda.Start(f.handle)
}

package cli

import "github.com/spf13/cobra"

func newDemoCommand(Streams) *cobra.Command { return &cobra.Command{Use: "demo", Hidden: true} }

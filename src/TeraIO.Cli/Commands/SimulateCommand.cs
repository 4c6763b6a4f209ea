using System.CommandLine;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio simulate</c>: a plan on a machine.</summary>
internal static class SimulateCommand
{
    private const int StallsShown = 10;

    private sealed record SimulationOutput(PlanSummary Summary, IReadOnlyList<StalledOp> LongestStalls);

    public static Command Create(CommandConsole console)
    {
        var command = new Command("simulate", "Predicts the step time, stalls, traffic and peak of a plan on a machine.");
        var trace = new TraceOption(command);
        var plan = new Option<string>("--plan", "-p") { Description = "Plan file, from teraio plan or a training run", HelpName = "FILE", Required = true };
        command.Add(plan);
        var machine = new MachineOptions(command);
        Option<double?> stalls = OptionValues.Number("--stalls", "N", $"How many of the longest stalls to list (default: {StallsShown})", 0, 100_000);
        command.Add(stalls);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio simulate --trace gpt2.trace.json --plan gpt2.plan.json --read-bw 3.2GB/s --write-bw 2.1GB/s",
            "teraio simulate -t gpt2.trace.json -p gpt2.plan.json --budget 30% --read-bw 800MB/s --write-bw 500MB/s --stalls 3");
        return command;

        int Run(ParseResult parsed)
        {
            (MigrationPlan planned, Trace iteration) = InputFiles.ReadPlan(parsed.GetRequiredValue(plan), trace.Read(parsed));
            MachineModel model = machine.One(parsed, TraceLifetimes.Of(iteration).PeakBytes, planned.MemoryBudget);
            SimulationResult result = Simulations.WithTransfers(iteration, planned, model);
            var summary = PlanSummary.Of(iteration, planned, result, model);
            var breakdown = StallBreakdown.Of(iteration, result, (int)(parsed.GetValue(stalls) ?? StallsShown));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(console, new SimulationOutput(summary, breakdown.Longest));
                return ExitCodes.Success;
            }

            summary.Print(console, breakdown);
            if (breakdown.Longest.Count > 0) console.Write(StallTable.Of(iteration, breakdown));
            return ExitCodes.Success;
        }
    }
}

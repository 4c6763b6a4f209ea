using System.CommandLine;
using TeraIO.Bounds;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio bounds</c>: what no plan can beat.</summary>
internal static class BoundsCommand
{
    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("bounds", "Computes the least step time and traffic that any plan can reach on a machine.");
        var trace = new TraceOption(command);
        var machine = new MachineOptions(command);
        Option<double?> limit = OptionValues.Number("--time-limit", "SECONDS", "Time for the solver (default: 20); less makes the bound lower, never wrong", 0.01, 86400);
        command.Add(limit);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio bounds --trace gpt2.trace.json --budget 40% --read-bw 3.2GB/s --write-bw 2.1GB/s",
            "teraio bounds -t llama.trace.json --budget 24GiB --read-bw 12.8GB/s --write-bw 8GB/s --time-limit 120 --json");
        return command;

        int Run(ParseResult parsed)
        {
            Trace iteration = trace.Read(parsed);
            MachineModel model = machine.One(parsed, TraceLifetimes.Of(iteration).PeakBytes);
            var options = new LowerBoundOptions();
            if (parsed.GetValue(limit) is { } seconds) options = options with { TimeLimit = TimeSpan.FromSeconds(seconds) };
            LowerBoundResult bound = LongWork.Run(console, parsed.GetValue(quiet), "solving", _ => LowerBound.Compute(iteration, model, options));
            if (!bound.Feasible) throw new InfeasibleBudgetException(bound.InfeasibleReason ?? "The budget is too small for an op.");
            if (parsed.GetValue(json)) JsonOutput.Write(console, bound);
            else Print(console, iteration, model, bound);
            return ExitCodes.Success;
        }
    }

    private static void Print(CommandConsole console, Trace trace, MachineModel machine, LowerBoundResult bound)
    {
        string reason = bound.Active switch
        {
            ActiveBound.Compute => "the ops alone take that long",
            ActiveBound.Traffic => "the bytes that must move take that long at any time",
            _ => "the bytes that must move have to do so in periods that are too short",
        };
        console.Write(Tables.Facts(
            ("trace", trace.Header.Name),
            ("budget", Figures.Bytes(machine.MemoryBudget)),
            ("step at least", $"{Figures.Seconds(bound.StepSeconds)} ({Figures.Percent(bound.StepSeconds > 0 ? bound.IdealSeconds / bound.StepSeconds : 1)} of the unlimited speed): {reason}"),
            ("SSD read at least", Figures.Bytes(bound.BytesRead)),
            ("SSD written at least", Figures.Bytes(bound.BytesWritten)),
            ("smallest budget", $"{Figures.Bytes(bound.SmallestBudget)} (what the largest op needs at once)"),
            ("quality", bound.IsExact ? "memory checked at every op" : $"memory checked at {Figures.Count(bound.Checkpoints)} moments, solver {bound.SolverStatus}"),
            ("solved in", Figures.Seconds(bound.SolveSeconds))));
    }
}

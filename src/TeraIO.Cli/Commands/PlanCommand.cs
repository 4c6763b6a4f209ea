using System.CommandLine;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio plan</c>: trace to plan file.</summary>
internal static class PlanCommand
{
    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("plan", "Decides which tensors leave memory when and when they return, and writes the plan to a file.");
        var trace = new TraceOption(command);
        var machine = new MachineOptions(command);
        Option<IMigrationPolicy?> policy = PolicyOptions.One(command);
        var output = new OutputOptions(command, "Plan file to write (default: next to the trace, ending in .plan.json)", required: false);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(console, parsed, cancellation), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio plan --trace gpt2.trace.json --budget 40% --read-bw 3.2GB/s --write-bw 2.1GB/s",
            "teraio plan -t llama.trace.json --budget 24GiB --read-bw 12.8GB/s --write-bw 8GB/s -o llama.plan.json --force",
            "teraio plan -t llama.trace.json --budget 24GiB --read-bw 6.4GB/s --write-bw 4GB/s --host-bytes 64GiB --host-bw 20GB/s --json");
        return command;

        int Run(CommandConsole console, ParseResult parsed, CancellationToken cancellation)
        {
            OutputFile file = output.File(parsed, DefaultName(parsed.GetRequiredValue(trace.Option)));
            Trace iteration = trace.Read(parsed);
            MachineModel model = machine.One(parsed, TraceLifetimes.Of(iteration).PeakBytes);
            IMigrationPolicy planner = parsed.GetValue(policy) ?? Policies.Named(PolicyOptions.Default);
            PolicyResult result = LongWork.Run(console, parsed.GetValue(quiet), $"planning ({planner.Name})", progress => Simulations.Plan(planner, iteration, model, progress, cancellation));
            file.Write((string path) => PlanFile.Write(result.Plan, path));
            iteration = PlannedTrace.Of(result.Plan, iteration);
            var summary = PlanSummary.Of(iteration, result.Plan, result.Simulation, model, file.Path);
            if (parsed.GetValue(json)) JsonOutput.Write(console, summary);
            else if (!parsed.GetValue(quiet)) summary.Print(console, StallBreakdown.Of(iteration, result.Simulation, 0));
            return ExitCodes.Success;
        }
    }

    private static string DefaultName(string trace)
    {
        string name = trace;
        foreach (string suffix in (string[])[".gz", ".json", ".trace"])
            if (name.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) name = name[..^suffix.Length];
        return name + ".plan.json";
    }
}

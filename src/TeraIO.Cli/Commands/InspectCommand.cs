using System.CommandLine;
using TeraIO.Cli.Inspection;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio inspect</c>: tensors, lifetimes, the plan around an op, why a tensor moves or stays.</summary>
internal static class InspectCommand
{
    private const int TensorsShown = 15;
    private const int OpsAround = 3;

    public static Command Create(CommandConsole console)
    {
        var command = new Command("inspect", "Shows a trace's tensors and lifetimes, the plan around an op, and why a tensor moves or stays.");
        var trace = new TraceOption(command);
        var plan = new Option<string?>("--plan", "-p") { Description = "Plan file to explain", HelpName = "FILE" };
        command.Add(plan);
        var tensor = new Option<string?>("--tensor") { Description = "Show this tensor: its number, its name, or a part of a name that only one has", HelpName = "TENSOR" };
        command.Add(tensor);
        Option<double?> op = OptionValues.Number("--op", "N", "Show what happens around this op", 0, int.MaxValue);
        command.Add(op);
        Option<double?> around = OptionValues.Number("--around", "N", $"With --op: how many ops before and after (default: {OpsAround})", 0, 1000);
        command.Add(around);
        Option<double?> largest = OptionValues.Number("--largest", "N", $"How many of the largest tensors to list (default: {TensorsShown})", 0, 1_000_000);
        command.Add(largest);
        var machine = new MachineOptions(command);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio inspect --trace gpt2.trace.json",
            "teraio inspect -t gpt2.trace.json --plan gpt2.plan.json --read-bw 3.2GB/s --write-bw 2.1GB/s --largest 30",
            "teraio inspect -t gpt2.trace.json -p gpt2.plan.json --read-bw 3.2GB/s --write-bw 2.1GB/s --tensor h.3.mlp.fc.weight",
            "teraio inspect -t gpt2.trace.json -p gpt2.plan.json --op 120 --around 5");
        return command;

        int Run(ParseResult parsed)
        {
            if (parsed.GetValue(tensor) is not null && parsed.GetValue(op) is not null) throw new UsageException("--tensor and --op show different things; leave one out.");
            Trace iteration = trace.Read(parsed);
            MigrationPlan? planned = null;
            if (parsed.GetValue(plan) is { } path) (planned, iteration) = InputFiles.ReadPlan(path, iteration);
            MachineModel? model = machine.IsGiven(parsed) ? machine.One(parsed, TraceLifetimes.Of(iteration).PeakBytes, planned?.MemoryBudget) : null;
            var subject = new InspectedTrace(iteration, planned, model, new PlanExplainer(iteration, planned, model));
            bool asJson = parsed.GetValue(json);
            if (parsed.GetValue(tensor) is { } name) Show(TensorView.Of(subject, Find(iteration, name)), asJson);
            else if (parsed.GetValue(op) is { } number) Show(OpView.Of(subject, Checked(iteration, number), (int)(parsed.GetValue(around) ?? OpsAround)), asJson);
            else Show(TraceView.Of(subject, (int)(parsed.GetValue(largest) ?? TensorsShown)), asJson);
            return ExitCodes.Success;
        }

        void Show<T>(T view, bool asJson)
            where T : IInspectionView
        {
            if (asJson) JsonOutput.Write(console, view);
            else view.Print(console);
        }
    }

    private static int Checked(Trace trace, double op) => op < trace.Ops.Length && op == Math.Floor(op)
        ? (int)op
        : throw new UsageException($"There is no op {op}; the trace has ops 0 to {trace.Ops.Length - 1}.");

    private static int Find(Trace trace, string name)
    {
        if (int.TryParse(name, System.Globalization.CultureInfo.InvariantCulture, out int number) && number >= 0 && number < trace.Tensors.Length) return number;
        var exact = new List<int>();
        var partial = new List<int>();
        for (int i = 0; i < trace.Tensors.Length; i++)
        {
            if (trace.Tensors[i].Name is not { } own) continue;
            if (own == name) exact.Add(i);
            else if (own.Contains(name, StringComparison.OrdinalIgnoreCase)) partial.Add(i);
        }

        List<int> found = exact.Count > 0 ? exact : partial;
        if (found.Count == 1) return found[0];
        if (found.Count == 0) throw new UsageException($"No tensor is called '{name}'; teraio inspect --trace lists the largest, and numbers go from 0 to {trace.Tensors.Length - 1}.");
        string several = string.Join(", ", found.Take(5).Select(i => $"{i} ({trace.Tensors[i].Name})"));
        throw new UsageException($"{found.Count} tensors are called '{name}': {several}{(found.Count > 5 ? ", ..." : "")}. Give a number.");
    }
}

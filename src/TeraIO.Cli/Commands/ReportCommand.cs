using System.CommandLine;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio report</c>: one page that explains a plan.</summary>
internal static class ReportCommand
{
    private sealed record ReportOutput(string File, long FileBytes, PlanSummary Summary, BoundFigures? Bound, EnduranceFigures? Endurance, IReadOnlyList<ComparisonRow> Comparison);

    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("report", "Writes one self-contained HTML page: memory over the iteration, lifetimes, paths, stalls, gap to the bound, policies.");
        var trace = new TraceOption(command);
        var source = new PlanSource(command);
        var machine = new MachineOptions(command);
        Option<IMigrationPolicy[]?> policies = PolicyOptions.Many(command, "Policies in the comparison table (default: all; none leaves the table out)", none: true);
        Option<ByteSize?> rating = OptionValues.Size("--tbw", "Bytes that all SSDs together are rated for, such as 4800TB; gives days of training until then");
        command.Add(rating);
        var noBounds = new Option<bool>("--no-bounds") { Description = "Skip the lower bound, which takes up to 20 s" };
        command.Add(noBounds);
        var output = new OutputOptions(command, "HTML file to write", required: true);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio report --trace gpt2.trace.json --budget 40% --read-bw 3.2GB/s --write-bw 2.1GB/s -o gpt2.html",
            "teraio report -t gpt2.trace.json --plan gpt2.plan.json --read-bw 3.2GB/s --write-bw 2.1GB/s --tbw 1200TB --policies none -o gpt2.html --force");
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            OutputFile file = output.File(parsed);
            Trace iteration = trace.Read(parsed);
            bool isQuiet = parsed.GetValue(quiet);
            PlannedIteration planned = source.Read(console, isQuiet, parsed, iteration, machine, cancellation);
            MachineModel model = planned.Machine;
            SimulationResult simulation = planned.Simulation;
            bool bounds = !parsed.GetValue(noBounds);
            BoundFigures? bound = bounds && simulation.RecomputeSeconds == 0 && ReferenceEquals(planned.Trace, iteration) ? LongWork.Run(console, isQuiet, "lower bound", _ => BoundRuns.Figures(iteration, model)) : null;
            IReadOnlyList<IMigrationPolicy> chosen = PolicyOptions.Chosen(parsed, policies);
            List<ComparisonRow> rows = LongWork.Run(
                console, isQuiet, "comparing policies", progress => PolicyComparison.Run(iteration, [model], chosen, bounds: false, progress, cancellation));
            EnduranceFigures endurance = EnduranceFigures.Of(simulation.BytesWritten, simulation.StepSeconds, iteration.Header.Tokens, parsed.GetValue(rating)?.Bytes);
            IterationReport report = IterationReport.Of(planned.Trace, planned.Plan, simulation, model) with
            {
                Bound = bound,
                Endurance = endurance,
                Comparison = [.. rows.Select(r => r with { BoundSeconds = bound?.StepSeconds })],
            };
            file.Write(stream => HtmlReport.Write(report, stream));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(console, new ReportOutput(
                    file.Path, new FileInfo(file.Path).Length, PlanSummary.Of(planned.Trace, planned.Plan, simulation, model), bound, endurance, report.Comparison));
            }
            else if (!isQuiet)
            {
                console.Out.WriteLine($"{file.Path}: {Figures.Bytes(new FileInfo(file.Path).Length)}, step {Figures.Seconds(simulation.StepSeconds)} of {Figures.Seconds(simulation.IdealSeconds)} unlimited");
            }

            return ExitCodes.Success;
        }
    }
}

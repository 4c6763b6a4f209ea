using System.CommandLine;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio export</c>: a simulated iteration for other tools.</summary>
internal static class ExportCommand
{
    private sealed record ExportOutput(string File, long FileBytes, int Ops, int Transfers, double StepSeconds);

    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("export", "Writes a simulated iteration for ui.perfetto.dev: ops, stalls, transfers per path, memory and rates.");
        var perfetto = new Option<bool>("--perfetto") { Description = "As Chrome trace events (JSON), which ui.perfetto.dev and chrome://tracing open", Required = true };
        command.Add(perfetto);
        var trace = new TraceOption(command);
        var source = new PlanSource(command);
        var machine = new MachineOptions(command);
        var output = new OutputOptions(command, "JSON file to write", required: true);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio export --perfetto --trace gpt2.trace.json --plan gpt2.plan.json --read-bw 3.2GB/s --write-bw 2.1GB/s -o gpt2.perfetto.json",
            "teraio export --perfetto -t gpt2.trace.json --policy on-demand-lru --budget 40% --read-bw 3.2GB/s --write-bw 2.1GB/s -o lru.perfetto.json");
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            if (!parsed.GetValue(perfetto)) throw new UsageException("Say which format to write: --perfetto.");
            OutputFile file = output.File(parsed);
            Trace iteration = trace.Read(parsed);
            PlannedIteration planned = source.Read(console, parsed.GetValue(quiet), parsed, iteration, machine, cancellation);
            file.Write(stream => PerfettoTrace.Write(stream, planned.Trace, planned.Simulation, planned.Machine));
            var result = new ExportOutput(file.Path, new FileInfo(file.Path).Length, iteration.Ops.Length, planned.Simulation.Transfers.Count, planned.Simulation.StepSeconds);
            if (parsed.GetValue(json)) JsonOutput.Write(console, result);
            else if (!parsed.GetValue(quiet)) console.Out.WriteLine($"{file.Path}: {Figures.Bytes(result.FileBytes)}, {Figures.Count(result.Ops)} ops, {Figures.Count(result.Transfers)} transfers; open it in ui.perfetto.dev");
            return ExitCodes.Success;
        }
    }
}

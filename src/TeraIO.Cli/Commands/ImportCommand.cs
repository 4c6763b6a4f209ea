using System.CommandLine;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio import</c>: traces of other makers become teraio's.</summary>
internal static class ImportCommand
{
    private sealed record ImportOutput(string File, long FileBytes, string Name, string Source, int Ops, int Tensors, double IdealSeconds, long PeakBytes);

    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var defaults = new ImportOptions();
        var command = new Command("import", "Turns a PyTorch execution trace or a CUDA memory snapshot into a trace file.");
        var input = new Argument<string>("file") { Description = "Execution trace (JSON of ExecutionTraceObserver) or memory snapshot (pickle of torch.cuda.memory._dump_snapshot)", HelpName = "FILE" };
        command.Add(input);
        Option<FlopRate?> flops = OptionValues.One<FlopRate?>(
            "--flops", "FLOP/s", $"What the device sustains, for durations, which execution traces lack (default: {defaults.FlopsPerSecond / 1e12:0}TFLOP/s)", FlopRate.Form, static (string? text, out FlopRate? value) =>
            {
                bool isRate = FlopRate.TryParse(text, out FlopRate rate);
                value = isRate ? rate : null;
                return isRate;
            });
        command.Add(flops);
        Option<ByteRate?> memory = OptionValues.Rate("--memory-bw", $"What its memory sustains (default: {Figures.Rate(defaults.BytesPerSecond)})");
        command.Add(memory);
        Option<double?> launch = OptionValues.Number("--op-seconds", "SECONDS", $"Shortest duration of an op (default: {Figures.Seconds(defaults.SecondsPerOp)})", 0, 60);
        command.Add(launch);
        var device = new Option<string?>("--device") { Description = "Device whose memory is meant, such as cuda:0 (default: the one with most bytes)", HelpName = "NAME" };
        command.Add(device);
        var marker = new Option<string?>("--step-marker") { Description = $"Beginning of the annotation that begins an iteration (default: {defaults.StepMarker})", HelpName = "NAME" };
        command.Add(marker);
        Option<double?> step = OptionValues.Number("--step", "N", "Which iteration of the file, from 0 (default: the last complete one)", 0, int.MaxValue);
        command.Add(step);
        var output = new OutputOptions(command, "Trace file to write; ending in .gz it is compressed", required: true);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio import pytorch_et.json -o gpt2.trace.json",
            "teraio import pytorch_et.json.gz --flops 60TFLOP/s --memory-bw 900GB/s --step-marker ProfilerStep --step 2 -o gpt2.trace.json.gz",
            "teraio import snapshot.pickle --device cuda:0 -o snapshot.trace.json");
        return command;

        int Run(ParseResult parsed)
        {
            OutputFile file = output.File(parsed);
            var options = new ImportOptions
            {
                FlopsPerSecond = parsed.GetValue(flops)?.PerSecond ?? defaults.FlopsPerSecond,
                BytesPerSecond = parsed.GetValue(memory)?.BytesPerSecond ?? defaults.BytesPerSecond,
                SecondsPerOp = parsed.GetValue(launch) ?? defaults.SecondsPerOp,
                Device = parsed.GetValue(device),
                StepMarker = parsed.GetValue(marker) ?? defaults.StepMarker,
                Step = (int?)parsed.GetValue(step),
            };
            Trace trace = InputFiles.Read(
                parsed.GetRequiredValue(input), "trace", path => LongWork.Run(console, parsed.GetValue(quiet), "reading", _ => TraceImporter.Read(path, options)));
            file.Write((string path) => TraceFile.Write(trace, path));
            var result = new ImportOutput(
                file.Path, new FileInfo(file.Path).Length, trace.Header.Name, trace.Header.Source, trace.Ops.Length, trace.Tensors.Length, trace.IdealSeconds, TraceLifetimes.Of(trace).PeakBytes);
            if (parsed.GetValue(json)) JsonOutput.Write(console, result);
            else if (!parsed.GetValue(quiet)) Print(console, result);
            return ExitCodes.Success;
        }
    }

    private static void Print(CommandConsole console, ImportOutput result) => console.Write(Tables.Facts(
        ("trace", $"{result.Name}: {Figures.Count(result.Ops)} ops, {Figures.Count(result.Tensors)} tensors"),
        ("made by", result.Source),
        ("step", $"{Figures.Seconds(result.IdealSeconds)} with unlimited memory"),
        ("peak", Figures.Bytes(result.PeakBytes)),
        ("file", $"{result.File}, {Figures.Bytes(result.FileBytes)}")));
}

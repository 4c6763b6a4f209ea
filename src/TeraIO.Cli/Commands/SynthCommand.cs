using System.CommandLine;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio synth</c>: the trace of a training iteration from a model's shape and a device's roofline.</summary>
internal static class SynthCommand
{
    private sealed record SynthOutput(string File, long FileBytes, string Model, long Parameters, string Device, long DeviceBytes, int Ops, int Tensors, double IdealSeconds, long PeakBytes, long Tokens);

    private sealed record CatalogOutput(IReadOnlyList<CatalogModel> Models, IReadOnlyList<CatalogDevice> Devices);

    private sealed record CatalogModel(string Name, int Layers, int Width, long Parameters);

    private sealed record CatalogDevice(string Name, long MemoryBytes);

    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("synth", "Builds the trace of a training iteration from a model's shape and a device's roofline.");
        var model = new Option<string?>("--model", "-m") { Description = "Model; --list shows all", HelpName = "NAME" };
        model.CompletionSources.Add([.. ModelCatalog.All.Select(static m => m.Name)]);
        var device = new Option<string?>("--device", "-d") { Description = "Device; --list shows all", HelpName = "NAME" };
        device.CompletionSources.Add([.. DeviceCatalog.All.Select(static d => d.Name)]);
        Option<double?> batch = Whole("--batch", "Sequences per micro batch (default: 1)", 1 << 20);
        Option<double?> sequence = Whole("--seq", "Tokens per sequence (default: 1024)", 1 << 24);
        Option<double?> microBatches = Whole("--micro-batches", "Micro batches per iteration (default: 1)", 500_000);
        Option<TrainingPrecision?> precision = Named<TrainingPrecision>("--precision", "Number formats");
        Option<OptimizerKind?> optimizer = Named<OptimizerKind>("--optimizer", "Optimizer");
        Option<AttentionKernel?> attention = Named<AttentionKernel>("--attention", "How attention is computed");
        var checkpointing = new Option<bool>("--checkpointing") { Description = "Keep only each block's input for backward and compute the rest again" };
        Option<double?> lossChunk = OptionValues.Number("--loss-chunk", "TOKENS", "Tokens whose vocabulary scores are computed at once; 0: all (default: 0)", 0, int.MaxValue);
        Option<double?> tensorParallel = Whole("--tensor-parallel", "Devices that share each product (default: 1)", 1024);
        Option<double?> pipelineParallel = Whole("--pipeline-parallel", "Stages into which the blocks are split (default: 1)", 1024);
        Option<double?> rank = OptionValues.Number("--rank", "N", "Whose trace, of all devices (default: 0)", 0, (1 << 20) - 1);
        var list = new Option<bool>("--list") { Description = "List models and devices" };
        foreach (Option option in (Option[])[model, device, batch, sequence, microBatches, precision, optimizer, attention, checkpointing, lossChunk, tensorParallel, pipelineParallel, rank, list]) command.Add(option);
        var output = new OutputOptions(command, "Trace file to write; ending in .gz it is compressed", required: false);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio synth --list",
            "teraio synth --model llama3-8b --batch 8 --seq 4096 --device a100-40g --precision bf16mixed -o llama.trace.json.gz",
            "teraio synth -m gpt2-small -d a100-40g --batch 4 --micro-batches 4 --precision fp32 --optimizer adamw -o gpt2.trace.json --force");
        return command;

        int Run(ParseResult parsed)
        {
            if (parsed.GetValue(list)) return List(parsed.GetValue(json));
            SynthesisOptions options = new()
            {
                Model = ModelCatalog.Named(parsed.GetValue(model) ?? throw new UsageException("Name the model with --model; --list shows all.")),
                Device = DeviceCatalog.Named(parsed.GetValue(device) ?? throw new UsageException("Name the device with --device; --list shows all.")),
                Batch = (int)(parsed.GetValue(batch) ?? 1),
                Sequence = (int)(parsed.GetValue(sequence) ?? 1024),
                MicroBatches = (int)(parsed.GetValue(microBatches) ?? 1),
                Precision = parsed.GetValue(precision) ?? default,
                Optimizer = parsed.GetValue(optimizer) ?? default,
                Attention = parsed.GetValue(attention) ?? default,
                ActivationCheckpointing = parsed.GetValue(checkpointing),
                LossChunkTokens = (int)(parsed.GetValue(lossChunk) ?? 0),
                TensorParallel = (int)(parsed.GetValue(tensorParallel) ?? 1),
                PipelineParallel = (int)(parsed.GetValue(pipelineParallel) ?? 1),
                Rank = (int)(parsed.GetValue(rank) ?? 0),
            };
            OutputFile file = output.File(parsed);
            Trace trace = SyntheticTrace.Create(options);
            file.Write((string path) => TraceFile.Write(trace, path));
            var result = new SynthOutput(
                file.Path,
                new FileInfo(file.Path).Length,
                options.Model.Name,
                options.Model.Parameters,
                options.Device.Name,
                options.Device.MemoryBytes,
                trace.Ops.Length,
                trace.Tensors.Length,
                trace.IdealSeconds,
                TraceLifetimes.Of(trace).PeakBytes,
                trace.Header.Tokens);
            if (parsed.GetValue(json)) JsonOutput.Write(console, result);
            else if (!parsed.GetValue(quiet)) Print(result);
            return ExitCodes.Success;
        }

        int List(bool asJson)
        {
            CatalogOutput catalog = new(
                [.. ModelCatalog.All.Select(static m => new CatalogModel(m.Name, m.Layers + m.EncoderLayers, m.Width, m.Parameters))],
                [.. DeviceCatalog.All.Select(static d => new CatalogDevice(d.Name, d.MemoryBytes))]);
            if (asJson)
            {
                JsonOutput.Write(console, catalog);
                return ExitCodes.Success;
            }

            Spectre.Console.Table models = Tables.New("<model", "layers", "width", "parameters");
            foreach (CatalogModel entry in catalog.Models) Tables.Row(models, entry.Name, Figures.Count(entry.Layers), Figures.Count(entry.Width), Figures.Count(entry.Parameters));
            console.Write(Tables.Titled("Models", models));
            Spectre.Console.Table devices = Tables.New("<device", "memory");
            foreach (CatalogDevice entry in catalog.Devices) Tables.Row(devices, entry.Name, Figures.Bytes(entry.MemoryBytes));
            console.Write(Tables.Titled("Devices", devices));
            return ExitCodes.Success;
        }

        void Print(SynthOutput result) => console.Write(Tables.Facts(
            ("model", $"{result.Model}, {Figures.Count(result.Parameters)} parameters"),
            ("device", $"{result.Device}, {Figures.Bytes(result.DeviceBytes)}"),
            ("trace", $"{Figures.Count(result.Ops)} ops, {Figures.Count(result.Tensors)} tensors, {Figures.Count(result.Tokens)} tokens"),
            ("step", $"{Figures.Seconds(result.IdealSeconds)} with unlimited memory"),
            ("peak", $"{Figures.Bytes(result.PeakBytes)}{(result.DeviceBytes > 0 ? $", {Figures.Percent(result.PeakBytes / (double)result.DeviceBytes)} of the device" : "")}"),
            ("file", $"{result.File}, {Figures.Bytes(result.FileBytes)}")));
    }

    private static Option<double?> Whole(string name, string description, int most) => OptionValues.Number(name, "N", description, 1, most);

    /// <summary>An option whose values are those of an enumeration, in lower case; its first one is the default.</summary>
    private static Option<T?> Named<T>(string name, string description)
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetNames<T>().Select(static n => n.ToLowerInvariant())];
        Option<T?> option = OptionValues.One<T?>(
            name,
            string.Join('|', names),
            $"{description} (default: {names[0]})",
            string.Join(" or ", names),
            static (string? text, out T? value) =>
            {
                bool isName = text is { Length: > 0 } && char.IsAsciiLetter(text[0]) && Enum.TryParse(text, ignoreCase: true, out T parsed) && Enum.IsDefined(parsed);
                value = isName ? Enum.Parse<T>(text!, ignoreCase: true) : null;
                return isName;
            });
        option.CompletionSources.Add(names);
        return option;
    }
}

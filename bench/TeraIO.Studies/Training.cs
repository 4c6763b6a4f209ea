using TeraIO.Core.Tracing;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Studies;

/// <summary>A training of the study: what runs on each of two GPUs, and the server it runs on.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Options">Model, batch and parallelism; the device is the server's.</param>
/// <param name="HostBytes">Host memory per GPU of the rows with a host tier.</param>
internal sealed record Training(string Name, SynthesisOptions Options, long HostBytes)
{
    private const long Giga = 1_000_000_000;

    private const long SmallestTensorBytes = 1 << 20;

    /// <summary>Micro batches as those that fit TERAIO's peaks (study "peaks"): 16 Ki tokens, 40 Ki tokens, 8 Ki tokens.</summary>
    public static Training Llama8B { get; } = TensorParallel("llama3-8b", "h100-nvl-94g", batch: 8, sequence: 2048, microBatches: 4, hostGigabytes: 64);

    public static Training Granite8B { get; } = TensorParallel("granite-8b", "h100-nvl-94g", batch: 20, sequence: 2048, microBatches: 2, hostGigabytes: 128);

    public static Training Llama70B { get; } = TensorParallel("llama3-70b", "h100-nvl-94g", batch: 4, sequence: 2048, microBatches: 4, hostGigabytes: 512);

    public static Training Gpt40B { get; } = TensorParallel("gpt2-40b", "a100-80g", batch: 8, sequence: 1024, microBatches: 2, hostGigabytes: 256);

    /// <summary>25 heads do not divide by two: two pipeline stages; the first one, which holds two micro batches, is shown.</summary>
    public static Training GptXl { get; } = new(
        "gpt2-xl",
        new SynthesisOptions
        {
            Model = ModelCatalog.Named("gpt2-xl"),
            Device = DeviceCatalog.Named("a100-40g"),
            Batch = 16,
            Sequence = 1024,
            MicroBatches = 4,
            PipelineParallel = 2,
            SmallestTensorBytes = SmallestTensorBytes,
        },
        64 * Giga);

    public static IReadOnlyList<Training> All { get; } = [Llama8B, Granite8B, Llama70B, GptXl, Gpt40B];

    private static Training TensorParallel(string model, string device, int batch, int sequence, int microBatches, int hostGigabytes) => new(
        model,
        new SynthesisOptions
        {
            Model = ModelCatalog.Named(model),
            Device = DeviceCatalog.Named(device),
            Batch = batch,
            Sequence = sequence,
            MicroBatches = microBatches,
            TensorParallel = 2,
            SmallestTensorBytes = SmallestTensorBytes,
        },
        hostGigabytes * Giga);

    public Trace Trace => SyntheticTrace.Create(Options);

    /// <summary>The same tokens per iteration in micro batches of another size; null when they do not divide.</summary>
    public Training? WithBatch(int batch)
    {
        int all = Options.Batch * Options.MicroBatches;
        return batch < 1 || all % batch != 0 ? null : this with { Options = Options with { Batch = batch, MicroBatches = all / batch } };
    }

    public Server Server(int ssds, bool hasHost = false) => new(Options.Device, ssds, hasHost ? HostBytes : 0);

    public string Parameters =>
        $"{Options.Model.Name} on 2 x {Options.Device.Name}, {(Options.TensorParallel > 1 ? "tensor" : "pipeline")} parallel 2, {Options.Precision}, {Options.Optimizer}, micro batch {Options.Batch} x {Options.Sequence}, {Options.MicroBatches} micro batches";
}

using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

/// <summary>Trainings that several tests look at.</summary>
internal static class SynthesisCases
{
    /// <summary>One Llama-like block, no dropout, every tensor in the trace.</summary>
    public static SynthesisOptions OneBlock => new()
    {
        Model = ModelCatalog.Named("llama3-8b") with
        {
            Layers = 1,
            Width = 64,
            Heads = 4,
            KeyValueHeads = 2,
            FeedForwardWidth = 96,
            Vocabulary = 128,
            HeadWidth = 16,
        },
        Device = DeviceCatalog.Named("h100-nvl-94g"),
        Batch = 2,
        Sequence = 32,
        SmallestTensorBytes = 1,
    };

    /// <summary>What the sample trains with <c>--config NAME</c>.</summary>
    public static SynthesisOptions Sample(string model, int batch, int microBatches = 1) => new()
    {
        Model = ModelCatalog.Named(model),
        Device = DeviceCatalog.Named("cpu-2core"),
        Batch = batch,
        Sequence = 256,
        MicroBatches = microBatches,
        Attention = AttentionKernel.Materialised,
        LossChunkTokens = 128,
    };
}

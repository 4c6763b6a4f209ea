using TeraIO.Core;

namespace TeraIO.Planner.Synthesis;

/// <summary>Shapes of published models, from their configuration files, and of the sample's.</summary>
public static class ModelCatalog
{
    /// <summary>All, small ones first.</summary>
    public static IReadOnlyList<ModelShape> All { get; } =
    [
        Sample("nano", layers: 2, width: 64, heads: 4, vocabulary: 256, positions: 64),
        Sample("30m", layers: 8, width: 512, heads: 8, vocabulary: 8192, positions: 256),
        Sample("sample-gpt2-small", layers: 12, width: 768, heads: 12, vocabulary: 50257, positions: 256),
        Gpt2("gpt2-small", layers: 12, width: 768, heads: 12),
        Gpt2("gpt2-medium", layers: 24, width: 1024, heads: 16),
        Gpt2("gpt2-large", layers: 36, width: 1280, heads: 20),
        Gpt2("gpt2-xl", layers: 48, width: 1600, heads: 25),
        // TERAIO names "GPT2-40B" without its shape; this is GPT-3 66B's width with as many layers as make 39 B.
        Gpt2("gpt2-40b", layers: 48, width: 8192, heads: 64),
        Llama("llama3-8b", layers: 32, width: 4096, heads: 32, feedForward: 14336, vocabulary: 128256),
        Llama("llama3-70b", layers: 80, width: 8192, heads: 64, feedForward: 28672, vocabulary: 128256),
        Llama("granite-8b", layers: 36, width: 4096, heads: 32, feedForward: 14336, vocabulary: 49152) with { HasBiases = true, IsTied = true },
        Llama("mixtral-8x7b", layers: 32, width: 4096, heads: 32, feedForward: 14336, vocabulary: 32000) with { Experts = 8, ActiveExperts = 2 },
        new ModelShape
        {
            Name = "t5-11b", Layers = 24, EncoderLayers = 24, Width = 1024, Heads = 128, HeadWidth = 128, FeedForwardWidth = 65536, Vocabulary = 32128,
            RelativePositionBuckets = 32, Normalisation = NormalisationKind.RmsNorm, FeedForward = FeedForwardKind.Relu, IsTied = true, Dropout = 0.1,
        },
    ];

    /// <summary>The shape of that name; letter case does not matter.</summary>
    /// <exception cref="ConfigurationException">There is none; the message lists all.</exception>
    public static ModelShape Named(string name) =>
        All.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ConfigurationException($"There is no model '{name}'; there are {string.Join(", ", All.Select(static m => m.Name))}.");

    private static ModelShape Gpt2(string name, int layers, int width, int heads) => new()
    {
        Name = name,
        Layers = layers,
        Width = width,
        Heads = heads,
        FeedForwardWidth = 4 * width,
        Vocabulary = 50257,
        LearnedPositions = 1024,
        HasBiases = true,
        HasFusedQueryKeyValue = true,
        IsTied = true,
        Dropout = 0.1,
    };

    private static ModelShape Sample(string name, int layers, int width, int heads, int vocabulary, int positions) =>
        Gpt2(name, layers, width, heads) with { Vocabulary = vocabulary, LearnedPositions = positions, VocabularyShardBytes = 16L << 20 };

    private static ModelShape Llama(string name, int layers, int width, int heads, int feedForward, int vocabulary) => new()
    {
        Name = name,
        Layers = layers,
        Width = width,
        Heads = heads,
        KeyValueHeads = 8,
        FeedForwardWidth = feedForward,
        Vocabulary = vocabulary,
        IsRotary = true,
        Normalisation = NormalisationKind.RmsNorm,
        FeedForward = FeedForwardKind.SwiGlu,
    };
}

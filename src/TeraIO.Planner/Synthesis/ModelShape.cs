using TeraIO.Core;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// Shape of a transformer: all that its tensors' sizes and its ops follow from. <see cref="ModelCatalog"/> has the published ones; others by
/// <c>with</c>. Immutable.
/// </summary>
public sealed record ModelShape
{
    private const int Most = 1 << 24;

    /// <summary>For people and for the trace's name.</summary>
    public required string Name { get; init; }

    /// <summary>Decoder blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Encoder blocks; 0 for a decoder-only model.</summary>
    public int EncoderLayers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Width { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; 0: as many as query heads.</summary>
    public int KeyValueHeads { get; init; }

    /// <summary>Width of a head; 0: <see cref="Width"/> / <see cref="Heads"/>.</summary>
    public int HeadWidth { get; init; }

    /// <summary>Width inside the feed-forward layer.</summary>
    public required int FeedForwardWidth { get; init; }

    /// <summary>Rows of the token embedding.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Rows of a learned position embedding, which also limit the sequence; 0: there is none.</summary>
    public int LearnedPositions { get; init; }

    /// <summary>Queries and keys are rotated by their position.</summary>
    public bool IsRotary { get; init; }

    /// <summary>Buckets of a relative position bias added to the scores, per head; 0: there is none (T5).</summary>
    public int RelativePositionBuckets { get; init; }

    /// <summary>Normalisation before each layer.</summary>
    public NormalisationKind Normalisation { get; init; }

    /// <summary>Feed-forward layer.</summary>
    public FeedForwardKind FeedForward { get; init; }

    /// <summary>Products of the blocks have biases.</summary>
    public bool HasBiases { get; init; }

    /// <summary>Query, key and value come from one product.</summary>
    public bool HasFusedQueryKeyValue { get; init; }

    /// <summary>The head shares the token embedding's weights.</summary>
    public bool IsTied { get; init; }

    /// <summary>Feed-forward experts per block; 0: one feed-forward layer for all tokens.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that each token uses.</summary>
    public int ActiveExperts { get; init; }

    /// <summary>Dropout after the embedding, in attention and after each layer; 0 drops nothing.</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// Token embedding and head are cut into equal parameters of consecutive rows of at most this many bytes in FP32 (the sample's
    /// VocabularyMatrix); 0: one parameter.
    /// </summary>
    public long VocabularyShardBytes { get; init; }

    internal int KeyValueHeadCount => KeyValueHeads == 0 ? Heads : KeyValueHeads;

    internal int WidthOfHead => HeadWidth == 0 ? Width / Heads : HeadWidth;

    /// <summary>Trainable numbers; a tied head counts once.</summary>
    /// <exception cref="ConfigurationException">The shape is not valid.</exception>
    public long Parameters => ParameterList.Of(Validated()).Sum(static p => p.Elements);

    /// <summary>Returns this shape when a model can have it.</summary>
    /// <exception cref="ConfigurationException">It contradicts itself; the message names the number.</exception>
    public ModelShape Validated()
    {
        Within(Layers, 1, 10_000, nameof(Layers));
        Within(EncoderLayers, 0, 10_000, nameof(EncoderLayers));
        Within(Width, 1, Most, nameof(Width));
        Within(Heads, 1, Width, nameof(Heads));
        Within(KeyValueHeads, 0, Heads, nameof(KeyValueHeads));
        Within(HeadWidth, 0, Most, nameof(HeadWidth));
        Within(FeedForwardWidth, 1, Most, nameof(FeedForwardWidth));
        Within(Vocabulary, 1, Most, nameof(Vocabulary));
        Within(LearnedPositions, 0, Most, nameof(LearnedPositions));
        Within(RelativePositionBuckets, 0, Most, nameof(RelativePositionBuckets));
        Within(Experts, 0, 4096, nameof(Experts));
        if (HeadWidth == 0 && Width % Heads != 0) throw Fault($"Width {Width} is not divisible by Heads {Heads}; give HeadWidth or other numbers");
        if (Heads % KeyValueHeadCount != 0) throw Fault($"Heads {Heads} is not divisible by KeyValueHeads {KeyValueHeads}");
        if (Experts > 0 && (ActiveExperts < 1 || ActiveExperts > Experts)) throw Fault($"ActiveExperts is {ActiveExperts}; it must be 1 to {Experts}");
        if (Experts == 0 && ActiveExperts != 0) throw Fault($"ActiveExperts is {ActiveExperts}, but there are no Experts");
        if (Experts > 0 && FeedForward != FeedForwardKind.SwiGlu) throw Fault("Experts are SwiGlu layers; FeedForward must say so");
        if (Dropout is not (>= 0 and < 1)) throw Fault($"Dropout is {Dropout}; it must be at least 0 and less than 1");
        if (VocabularyShardBytes < 0) throw Fault($"VocabularyShardBytes is {VocabularyShardBytes}; it must not be negative");
        if (HasFusedQueryKeyValue && KeyValueHeadCount != Heads) throw Fault("One product for query, key and value needs as many KeyValueHeads as Heads");
        if (EncoderLayers > 0 && (LearnedPositions > 0 || IsRotary || VocabularyShardBytes > 0 || Experts > 0 || HasFusedQueryKeyValue))
            throw Fault("A model with EncoderLayers has relative positions, separate projections, no experts and no vocabulary shards");
        if (!Enum.IsDefined(Normalisation)) throw Fault($"Normalisation {Normalisation} is unknown");
        if (!Enum.IsDefined(FeedForward)) throw Fault($"FeedForward {FeedForward} is unknown");
        return this;
    }

    private void Within(int value, int least, int most, string what)
    {
        if (value < least || value > most) throw Fault($"{what} is {value}; it must be {least} to {most}");
    }

    private ConfigurationException Fault(string what) => new($"Model {Name}: {what}.");
}

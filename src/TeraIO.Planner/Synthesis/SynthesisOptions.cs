using TeraIO.Core;

namespace TeraIO.Planner.Synthesis;

/// <summary>What <see cref="SyntheticTrace"/> makes a trace of: a model, a device and how it is trained. Immutable.</summary>
public sealed record SynthesisOptions
{
    private const int MostBlocks = 500_000;

    /// <summary>The model.</summary>
    public required ModelShape Model { get; init; }

    /// <summary>The device that runs it (each of them, when there are several).</summary>
    public required DeviceRoofline Device { get; init; }

    /// <summary>Sequences per micro batch.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Tokens per sequence.</summary>
    public int Sequence { get; init; } = 1024;

    /// <summary>Micro batches per iteration, whose gradients are added up before the one update.</summary>
    public int MicroBatches { get; init; } = 1;

    /// <summary>Number formats.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>Optimizer.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>How attention is computed.</summary>
    public AttentionKernel Attention { get; init; }

    /// <summary>Blocks keep only their input for backward and compute the rest again.</summary>
    public bool ActivationCheckpointing { get; init; }

    /// <summary>The gradients' common norm is computed and limited before the update.</summary>
    public bool ClipsGradients { get; init; } = true;

    /// <summary>Tokens whose scores over the vocabulary are computed at once; 0: all of a micro batch.</summary>
    public int LossChunkTokens { get; init; }

    /// <summary>Devices among which each product is split (Megatron's tensor parallelism).</summary>
    public int TensorParallel { get; init; } = 1;

    /// <summary>Stages into which the blocks are split, run one forward, one backward (1F1B).</summary>
    public int PipelineParallel { get; init; } = 1;

    /// <summary>
    /// Whose trace: from 0 to <see cref="TensorParallel"/> x <see cref="PipelineParallel"/> - 1; ranks of one stage are neighbours.
    /// </summary>
    public int Rank { get; init; }

    /// <summary>Smaller tensors are too small to move: they count as <c>baselineBytes</c> of the trace and no op names them.</summary>
    public long SmallestTensorBytes { get; init; } = 64 << 10;

    /// <summary>How finely the work is cut into ops; null: as the framework does on this device.</summary>
    public KernelSet? Kernels { get; init; }

    internal int Stage => Rank / TensorParallel;

    internal bool IsFirstStage => Stage == 0;

    internal bool IsLastStage => Stage == PipelineParallel - 1;

    internal bool IsEager => (Kernels ?? Device.Kernels) == KernelSet.Eager;

    internal long TokensPerMicroBatch => (long)Batch * Sequence;

    /// <summary>Bytes of an element of a weight, a gradient or an activation.</summary>
    internal int ElementBytes => Precision == TrainingPrecision.Bf16Mixed ? 2 : 4;

    /// <summary>Returns these options when a trace can be made of them.</summary>
    /// <exception cref="ConfigurationException">One is out of range or contradicts another; the message names it.</exception>
    public SynthesisOptions Validated()
    {
        if (Model is null) throw new ConfigurationException("A synthetic trace needs a model.");
        if (Device is null) throw new ConfigurationException("A synthetic trace needs a device.");
        Model.Validated();
        Device.Validated();
        Within(Batch, 1, 1 << 20, nameof(Batch));
        Within(Sequence, 1, 1 << 24, nameof(Sequence));
        Within(MicroBatches, 1, MostBlocks, nameof(MicroBatches));
        Within(LossChunkTokens, 0, int.MaxValue, nameof(LossChunkTokens));
        Within(TensorParallel, 1, 1024, nameof(TensorParallel));
        Within(PipelineParallel, 1, Model.Layers, nameof(PipelineParallel));
        Within(Rank, 0, (TensorParallel * PipelineParallel) - 1, nameof(Rank));
        if (SmallestTensorBytes < 0) throw new ConfigurationException($"SmallestTensorBytes is {SmallestTensorBytes}; it must not be negative.");
        if ((long)(Model.Layers + Model.EncoderLayers) * MicroBatches > MostBlocks)
            throw new ConfigurationException($"{MicroBatches} micro batches of {Model.Layers + Model.EncoderLayers} blocks are too many for one trace; at most {MostBlocks} blocks together.");
        if (Model.LearnedPositions > 0 && Sequence > Model.LearnedPositions)
            throw new ConfigurationException($"Sequence is {Sequence}, but model {Model.Name} has {Model.LearnedPositions} learned positions; shorten it or raise LearnedPositions.");
        CheckEnums();
        CheckParallelism();
        _ = Device.PeakOf(Precision);
        return this;
    }

    private void CheckEnums()
    {
        if (!Enum.IsDefined(Precision)) throw new ConfigurationException($"Precision {Precision} is unknown.");
        if (!Enum.IsDefined(Optimizer)) throw new ConfigurationException($"Optimizer {Optimizer} is unknown.");
        if (!Enum.IsDefined(Attention)) throw new ConfigurationException($"Attention {Attention} is unknown.");
        if (Kernels is { } kernels && !Enum.IsDefined(kernels)) throw new ConfigurationException($"Kernels {kernels} is unknown.");
    }

    private void CheckParallelism()
    {
        if (TensorParallel == 1 && PipelineParallel == 1) return;
        if (Device.InterconnectBandwidth <= 0) throw new ConfigurationException($"Device {Device.Name} has no interconnect; TensorParallel and PipelineParallel must be 1.");
        if (Model.VocabularyShardBytes > 0) throw new ConfigurationException($"Model {Model.Name} is cut into vocabulary shards for one device; set VocabularyShardBytes to 0 for several.");
        if (Model.EncoderLayers > 0 && PipelineParallel > 1) throw new ConfigurationException($"Model {Model.Name} has an encoder and a decoder; PipelineParallel must be 1.");
        foreach ((int number, string what) in new[] { (Model.Heads, "heads"), (Model.KeyValueHeadCount, "key and value heads"), (Model.FeedForwardWidth, "feed-forward width") })
        {
            if (number % TensorParallel != 0) throw new ConfigurationException($"TensorParallel is {TensorParallel}; it must divide the {number} {what} of model {Model.Name}.");
        }
    }

    private static void Within(int value, int least, int most, string what)
    {
        if (value < least || value > most) throw new ConfigurationException($"{what} is {value}; it must be {least} to {most}.");
    }
}

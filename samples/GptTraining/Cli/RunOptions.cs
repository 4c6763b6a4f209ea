using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>Everything the command line says. Immutable.</summary>
internal sealed record RunOptions
{
    /// <summary>Model and batch.</summary>
    public required GptConfig Config { get; init; }

    /// <summary>Steps of the whole training; the learning rate schedule ends there.</summary>
    public required int Steps { get; init; }

    /// <summary>Stop with a checkpoint after this step; null: <see cref="Steps"/>.</summary>
    public int? StopAfter { get; init; }

    public required long Seed { get; init; }

    public required int Accumulate { get; init; }

    public required int LossChunk { get; init; }

    public required string Optimizer { get; init; }

    public required double LearningRate { get; init; }

    public required double WeightDecay { get; init; }

    public required double ClipNorm { get; init; }

    public required int WarmUpSteps { get; init; }

    public required string Tokenizer { get; init; }

    /// <summary>Text file; null: the .NET documentation.</summary>
    public string? TextFile { get; init; }

    /// <summary>Memory budget; null: only observe.</summary>
    public BudgetChoice? Budget { get; init; }

    /// <summary>What a share in <see cref="Budget"/> refers to; null: to be measured.</summary>
    public ByteSize? UnlimitedPeak { get; init; }

    public IReadOnlyList<string> StorePaths { get; init; } = [];

    /// <summary>Neither offload nor observe: TorchSharp alone.</summary>
    public bool Unobserved { get; init; }

    public string? Checkpoint { get; init; }

    public string? Resume { get; init; }

    public string? JsonFile { get; init; }

    /// <summary>Evaluate after every so many steps; 0: never.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Of all ranks together.</summary>
    public long TokensPerStep => (long)Config.Batch * Config.Sequence * Accumulate;

    public bool Compare { get; init; }

    /// <summary>This process is one of the ranks of an mpirun.</summary>
    public bool DataParallel { get; init; }

    /// <summary>Transfers by a plan; else on demand.</summary>
    public bool IsPlanned { get; init; }

    /// <summary>Who plans.</summary>
    public string Policy { get; init; } = "planned";

    /// <summary>Where the trace of a steady step goes; null: nowhere.</summary>
    public string? TraceFile { get; init; }

    /// <summary>Where the last plan goes; null: nowhere.</summary>
    public string? PlanFile { get; init; }

    /// <summary>Policies to hold against each other; null: no study.</summary>
    public IReadOnlyList<string>? Study { get; init; }

    public IReadOnlyList<BudgetChoice> StudyBudgets { get; init; } = [];

    /// <summary>Steps that count per policy, budget and round.</summary>
    public int StudyMeasured { get; init; }

    /// <summary>How many times all policies take their turns at each budget.</summary>
    public int StudyRounds { get; init; }

    /// <summary>Steps before those that count for the policy that improves its plan.</summary>
    public int StudyImproving { get; init; }

    /// <summary>Whether each budget ends with unlimited steps beside the last policy's traffic.</summary>
    public bool StudySameTraffic { get; init; }

    /// <summary>The device that the store is slowed down to; null: as fast as it is.</summary>
    public EmulatedDevice? Emulated { get; init; }

    /// <summary>Bytes that may be written to each store directory; null: no limit.</summary>
    public ByteSize? WriteLimit { get; init; }

    /// <summary>The host tier in front of the store; null: none.</summary>
    public HostMemoryOptions? HostMemory { get; init; }

    /// <summary>How the store is shared with other processes; null: it is not.</summary>
    public LeaseOptions? Leases { get; init; }

    /// <summary>Compare what comes back with what was written; null: where it can be done.</summary>
    public bool? VerifyReads { get; init; }

    /// <summary>Where the model, its batches and the optimizer's state are.</summary>
    public TensorDevice Device { get; init; }

    /// <summary>Who waits for bytes that an op on a GPU needs.</summary>
    public ReadWaits ReadWaits { get; init; }

    /// <summary>How bytes reach the store.</summary>
    public StorageBackend Backend { get; init; } = StorageBackend.Auto;

    /// <summary>File with what the store's directories were measured to do; null: measured when it is needed.</summary>
    public string? BandwidthProfile { get; init; }

    /// <summary>The policy, "ondemand", "observe" or "none", as reports name it.</summary>
    public string ModeName => Study is not null ? "study" : Unobserved ? "none" : Budget is null ? "observe" : IsPlanned ? Policy : "ondemand";
}

using System.Text.Json;
using System.Text.Json.Serialization;
using TeraIO.Core.Storage;

namespace TeraIO.Samples.GptTraining;

/// <summary>The results of a run as --json writes them. Sizes are bytes, times seconds; null: does not apply.</summary>
internal sealed record RunReport
{
    private static readonly JsonSerializerOptions _json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
    };

    public required string Config { get; init; }

    public required long Seed { get; init; }

    public required int Steps { get; init; }

    public required string Mode { get; init; }

    /// <summary>One per step of this run, in the shortest form that reads back to the same bits.</summary>
    public required IReadOnlyList<float> Losses { get; init; }

    public long? BudgetBytes { get; init; }

    public long? UnlimitedPeakBytes { get; init; }

    public long? PeakLiveBytes { get; init; }

    /// <summary>What libtorch's caching allocator holds of the GPU at the end; null: on the CPU.</summary>
    public long? ReservedBytes { get; init; }

    public long PeakRssBytes { get; init; }

    public long IdleRssBytes { get; init; }

    public long? BytesRead { get; init; }

    public long? BytesWritten { get; init; }

    public double? StallSeconds { get; init; }

    public required IReadOnlyList<double> StepSeconds { get; init; }

    public long? SmallestBudgetBytes { get; init; }

    public string? LargestWorkingSetOp { get; init; }

    /// <summary>Number of the first step of this run; above 0 after --resume.</summary>
    public int FirstStep { get; init; }

    public IReadOnlyDictionary<int, float> EvaluationLosses { get; init; } = new Dictionary<int, float>();

    public long Parameters { get; init; }

    public string? LibTorchDirectory { get; init; }

    public IReadOnlyList<double>? StepStallSeconds { get; init; }

    public IReadOnlyList<long>? StepBytesRead { get; init; }

    public IReadOnlyList<long>? StepBytesWritten { get; init; }

    /// <summary>Steps that ran by a plan from first to last op.</summary>
    public long? PlannedSteps { get; init; }

    public long? Divergences { get; init; }

    public double? PlanningSeconds { get; init; }

    /// <summary>By the last plan.</summary>
    public double? PredictedStepSeconds { get; init; }

    /// <summary>The emulated host tier over the whole run.</summary>
    public HostTierStatistics? HostMemory { get; init; }

    public IReadOnlyList<StudyRow>? Study { get; init; }

    /// <summary>Ranks that trained together; 1: this process alone. All else here is rank 0's, but for the losses, which are means over the ranks.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>Of all ranks together.</summary>
    public long TokensPerStep { get; init; }

    /// <summary>Peak of live tensors, rank by rank.</summary>
    public IReadOnlyList<long>? RankPeakLiveBytes { get; init; }

    /// <summary>Peak of the process, rank by rank.</summary>
    public IReadOnlyList<long>? RankPeakRssBytes { get; init; }

    /// <summary>Bytes read back and written, rank by rank.</summary>
    public IReadOnlyList<long>? RankTrafficBytes { get; init; }

    /// <summary>Writes the report; the file appears complete or not at all.</summary>
    public void Write(string path)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllText(temporary, JsonSerializer.Serialize(this, _json) + "\n");
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static RunReport Read(string path) => JsonSerializer.Deserialize<RunReport>(File.ReadAllText(path), _json)
        ?? throw new InvalidDataException($"{path} holds no report.");
}

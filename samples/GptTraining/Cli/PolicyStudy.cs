using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Holds policies against each other within one training: every few steps the session gets another policy or budget. Unlimited steps before and
/// after each policy are its baseline, so that a machine whose speed drifts drifts for both.
/// </summary>
internal sealed class PolicyStudy
{
    private const string Unlimited = "unlimited";

    /// <summary>The policy that measures its plan and improves it: it needs steps for that.</summary>
    private const string Improving = "planned";

    /// <summary>Unlimited steps while another program moves the bytes that the policy before moved.</summary>
    private const string SameTrafficName = "unlimited + fio";

    private readonly List<Phase> _phases = [];
    private readonly SameTraffic? _traffic;
    private int _phase;
    private int _stepOfPhase;

    /// <param name="budgets">Sizes, or shares of the unlimited peak.</param>
    /// <param name="policies">Names.</param>
    /// <param name="measured">Steps that count, per policy and budget.</param>
    /// <param name="improving">Steps before them for the policy that improves its plan.</param>
    /// <param name="unlimitedPeak">What shares refer to.</param>
    /// <param name="traffic">Null: no control with the same traffic after the last policy of each budget.</param>
    public PolicyStudy(
        IReadOnlyList<BudgetChoice> budgets, IReadOnlyList<string> policies, int measured, int improving, ByteSize unlimitedPeak, SameTraffic? traffic)
    {
        _traffic = traffic;
        ByteSize first = budgets[0].Resolve(unlimitedPeak);
        // As in every training: the profile comes from steps on demand under the budget.
        _phases.Add(new Phase(first, "", "on-demand-lru", 3, 0));
        foreach (BudgetChoice budget in budgets)
        {
            string name = budget.ToString();
            foreach (string policy in policies)
            {
                _phases.Add(new Phase(null, name, Unlimited, 2, measured));
                _phases.Add(new Phase(budget.Resolve(unlimitedPeak), name, policy, policy == Improving ? improving : 2, measured));
            }

            _phases.Add(new Phase(null, name, Unlimited, 2, measured));
            if (traffic is null) continue;
            _phases.Add(new Phase(null, name, SameTrafficName, 2, measured));
            _phases.Add(new Phase(null, name, Unlimited, 2, measured));
        }
    }

    /// <summary>Steps of the whole study.</summary>
    public int Steps => _phases.Sum(p => p.WarmUp + p.Measured);

    /// <summary>The budget that the session begins with.</summary>
    public ByteSize FirstBudget => _phases[0].Budget!.Value;

    /// <summary>Sets the session up for the next step.</summary>
    public void BeforeStep(OffloadSession session)
    {
        if (_stepOfPhase < _phases[_phase].WarmUp + _phases[_phase].Measured)
        {
            if (_stepOfPhase == _phases[_phase].WarmUp)
            {
                session.ResetPeak();
                _phases[_phase].HostBefore = session.HostMemory;
            }
            return;
        }

        Phase before = _phases[_phase++];
        _stepOfPhase = 0;
        Phase phase = _phases[_phase];
        session.ChangePolicy(phase.Policy == SameTrafficName ? Unlimited : phase.Policy);
        session.ChangeBudget(phase.Budget);
        if (before.Policy == SameTrafficName) _traffic!.Stop();
        if (phase.Policy == SameTrafficName) StartSameTraffic(_phases.Take(_phase).Last(p => p.Budget is not null));
    }

    private void StartSameTraffic(Phase of)
    {
        double seconds = of.Seconds.Average();
        _traffic!.Start(Average(of, t => t.BytesRead.Bytes) / seconds, Average(of, t => t.BytesWritten.Bytes) / seconds);
    }

    /// <summary>Takes down what the step cost.</summary>
    public void AfterStep(OffloadSession session, OffloadStatistics traffic, double seconds)
    {
        Phase phase = _phases[_phase];
        if (_stepOfPhase++ < phase.WarmUp) return;
        phase.Seconds.Add(seconds);
        phase.Traffic.Add(traffic);
        phase.PredictedSeconds = session.Plan?.PredictedStepSeconds ?? 0;
        phase.Peak = session.Statistics.PeakLiveBytes;
        phase.HostAfter = session.HostMemory;
    }

    /// <summary>One row per budget and policy, after one of all unlimited steps of this budget. A training that was stopped has fewer.</summary>
    public IEnumerable<StudyRow> Rows()
    {
        foreach (var group in _phases.Where(p => p.Measured > 0).GroupBy(p => p.BudgetName))
        {
            Phase[] phases = [.. group];
            Phase[] unlimited = [.. phases.Where(p => p.Policy == Unlimited && p.Seconds.Count > 0)];
            if (unlimited.Length == 0) yield break;
            double[] all = [.. unlimited.SelectMany(p => p.Seconds)];
            yield return Row(unlimited[^1], all, Median(all));
            for (int i = 0; i < phases.Length; i++)
            {
                // Between two unlimited ones, by construction.
                if (phases[i].Policy != Unlimited && phases[i].Seconds.Count > 0)
                    yield return Row(phases[i], phases[i].Seconds, Median([.. phases[i - 1].Seconds, .. phases[i + 1].Seconds]));
            }
        }
    }

    private static StudyRow Row(Phase phase, IReadOnlyList<double> seconds, double unlimited) => new()
    {
        Budget = phase.Policy == Unlimited ? "unlimited" : phase.BudgetName,
        Policy = phase.Policy,
        StepSeconds = Median(seconds),
        UnlimitedStepSeconds = unlimited,
        StallSeconds = Average(phase, t => t.StallTime.TotalSeconds),
        LatePrefetchSeconds = Average(phase, t => t.LatePrefetchTime.TotalSeconds),
        OnDemandReadSeconds = Average(phase, t => t.OnDemandReadTime.TotalSeconds),
        NoRoomSeconds = Average(phase, t => t.NoRoomTime.TotalSeconds),
        BytesRead = (long)Average(phase, t => t.BytesRead.Bytes),
        BytesWritten = (long)Average(phase, t => t.BytesWritten.Bytes),
        BytesReadFromHost = HostBytes(phase, static h => h.BytesOut),
        BytesWrittenToHost = HostBytes(phase, static h => h.BytesIn),
        BytesSpilled = HostBytes(phase, static h => h.BytesSpilled),
        BudgetBytes = phase.Budget?.Bytes,
        PeakBytes = phase.Peak.Bytes,
        PredictedStepSeconds = phase.PredictedSeconds,
        AllStepSeconds = seconds,
    };

    /// <summary>The rows as a Markdown table.</summary>
    public IEnumerable<string> Table()
    {
        yield return "| budget | policy | step, s | fastest to slowest, s | unlimited beside it, s | speed, % of unlimited | stall, s | late prefetch, s | on demand, s | no room, s | read, MiB | written, MiB | peak, MiB | predicted step, s | prediction error, % |";
        yield return "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";
        foreach (StudyRow row in Rows())
        {
            string predicted = row.PredictedStepSeconds > 0 && row.Policy != SameTrafficName
                ? string.Create(CultureInfo.InvariantCulture, $"{row.PredictedStepSeconds:F2} | {100 * ((row.PredictedStepSeconds / row.StepSeconds) - 1):+0.0;-0.0;0.0}")
                : " | ";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"| {row.Budget} | {row.Policy} | {row.StepSeconds:F2} | {row.AllStepSeconds.Min():F2} to {row.AllStepSeconds.Max():F2} | {row.UnlimitedStepSeconds:F2} | "
                + $"{100 * row.UnlimitedStepSeconds / row.StepSeconds:F1} | {row.StallSeconds:F2} | {row.LatePrefetchSeconds:F2} | "
                + $"{row.OnDemandReadSeconds:F2} | {row.NoRoomSeconds:F2} | {MiB(row.BytesRead)} | {MiB(row.BytesWritten)} | {MiB(row.PeakBytes)} | {predicted} |");
        }
    }

    private static string MiB(long bytes) => (bytes / (double)(1 << 20)).ToString("F0", CultureInfo.InvariantCulture);

    private static long HostBytes(Phase phase, Func<HostTierStatistics, ByteSize> of) =>
        phase is { HostBefore: { } before, HostAfter: { } after } ? (of(after).Bytes - of(before).Bytes) / phase.Seconds.Count : 0;

    private static double Average(Phase phase, Func<OffloadStatistics, double> of) => phase.Traffic.Average(of);

    private static double Median(IReadOnlyCollection<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private sealed record Phase(ByteSize? Budget, string BudgetName, string Policy, int WarmUp, int Measured)
    {
        public List<double> Seconds { get; } = [];

        public List<OffloadStatistics> Traffic { get; } = [];

        public double PredictedSeconds { get; set; }

        public ByteSize Peak { get; set; }

        public HostTierStatistics? HostBefore { get; set; }

        public HostTierStatistics? HostAfter { get; set; }
    }
}

/// <summary>What one policy cost under one budget, per step. Times are seconds, sizes bytes.</summary>
internal sealed record StudyRow
{
    public required string Budget { get; init; }

    public required string Policy { get; init; }

    public required double StepSeconds { get; init; }

    public required double UnlimitedStepSeconds { get; init; }

    public required double StallSeconds { get; init; }

    public required double LatePrefetchSeconds { get; init; }

    public required double OnDemandReadSeconds { get; init; }

    public required double NoRoomSeconds { get; init; }

    public required long BytesRead { get; init; }

    public required long BytesWritten { get; init; }

    /// <summary>The part of <see cref="BytesRead"/> that the host tier served.</summary>
    public required long BytesReadFromHost { get; init; }

    /// <summary>The part of <see cref="BytesWritten"/> that the host tier took.</summary>
    public required long BytesWrittenToHost { get; init; }

    /// <summary>What went on from there to the store's paths.</summary>
    public required long BytesSpilled { get; init; }

    public required long? BudgetBytes { get; init; }

    public required long PeakBytes { get; init; }

    /// <summary>By the plan; 0 when the policy does not say.</summary>
    public required double PredictedStepSeconds { get; init; }

    public required IReadOnlyList<double> AllStepSeconds { get; init; }
}

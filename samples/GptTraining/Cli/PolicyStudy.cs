using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Holds policies against each other within one training: every few steps the session gets another policy or budget. Unlimited steps before each
/// budget and after the last are the baseline, so that what the machine does meanwhile hits all alike.
/// </summary>
internal sealed class PolicyStudy
{
    private const string Unlimited = "unlimited";

    /// <summary>The policy that measures its plan and improves it: it needs steps for that.</summary>
    private const string Improving = "planned";

    private readonly List<Phase> _phases = [];
    private readonly int _measured;
    private int _phase;
    private int _stepOfPhase;

    /// <param name="budgets">Sizes, or shares of the unlimited peak.</param>
    /// <param name="policies">Names.</param>
    /// <param name="measured">Steps that count, per policy and budget.</param>
    /// <param name="improving">Steps before them for the policy that improves its plan.</param>
    /// <param name="unlimitedPeak">What shares refer to.</param>
    public PolicyStudy(IReadOnlyList<BudgetChoice> budgets, IReadOnlyList<string> policies, int measured, int improving, ByteSize unlimitedPeak)
    {
        _measured = measured;
        ByteSize first = budgets[0].Resolve(unlimitedPeak);
        // As in every training: the profile comes from steps on demand under the budget.
        _phases.Add(new Phase(first, "", "on-demand-lru", 3, 0));
        foreach (BudgetChoice budget in budgets)
        {
            _phases.Add(new Phase(null, budget.ToString(), Unlimited, 2, measured));
            foreach (string policy in policies) _phases.Add(new Phase(budget.Resolve(unlimitedPeak), budget.ToString(), policy, policy == Improving ? improving : 2, measured));
        }

        _phases.Add(new Phase(null, "end", Unlimited, 2, measured));
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

        _phase++;
        _stepOfPhase = 0;
        session.ChangePolicy(_phases[_phase].Policy);
        session.ChangeBudget(_phases[_phase].Budget);
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

    /// <summary>One row per budget and policy.</summary>
    public IEnumerable<StudyRow> Rows()
    {
        var measured = _phases.Where(p => p.Measured > 0).ToList();
        for (int i = 0; i < measured.Count; i++)
        {
            Phase phase = measured[i];
            Phase before = measured.Take(i + 1).Last(p => p.Policy == Unlimited);
            Phase after = measured.Skip(i + 1).FirstOrDefault(p => p.Policy == Unlimited) ?? before;
            double baseline = phase.Policy == Unlimited ? Median(phase.Seconds) : Median([.. before.Seconds, .. after.Seconds]);
            yield return new StudyRow
            {
                Budget = phase.Policy == Unlimited ? "unlimited" : phase.BudgetName,
                Policy = phase.Policy,
                StepSeconds = Median(phase.Seconds),
                UnlimitedStepSeconds = baseline,
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
                AllStepSeconds = phase.Seconds,
            };
        }
    }

    /// <summary>The rows as a Markdown table.</summary>
    public IEnumerable<string> Table()
    {
        yield return "| budget | policy | step, s | speed, % of unlimited | stall, s | late prefetch, s | on demand, s | no room, s | read, MiB | written, MiB | peak, MiB | predicted step, s | prediction error, % |";
        yield return "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";
        foreach (StudyRow row in Rows())
        {
            string predicted = row.PredictedStepSeconds > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{row.PredictedStepSeconds:F2} | {100 * ((row.PredictedStepSeconds / row.StepSeconds) - 1):+0.0;-0.0;0.0}")
                : " | ";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"| {row.Budget} | {row.Policy} | {row.StepSeconds:F2} | {100 * row.UnlimitedStepSeconds / row.StepSeconds:F1} | {row.StallSeconds:F2} | {row.LatePrefetchSeconds:F2} | "
                + $"{row.OnDemandReadSeconds:F2} | {row.NoRoomSeconds:F2} | {MiB(row.BytesRead)} | {MiB(row.BytesWritten)} | {MiB(row.PeakBytes)} | {predicted} |");
        }
    }

    private static string MiB(long bytes) => (bytes / (double)(1 << 20)).ToString("F0", CultureInfo.InvariantCulture);

    private long HostBytes(Phase phase, Func<HostTierStatistics, ByteSize> of) =>
        phase is { HostBefore: { } before, HostAfter: { } after } ? (of(after).Bytes - of(before).Bytes) / _measured : 0;

    private double Average(Phase phase, Func<OffloadStatistics, double> of) => phase.Traffic.Sum(of) / _measured;

    private static double Median(IReadOnlyCollection<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
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

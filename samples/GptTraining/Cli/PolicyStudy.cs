using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Holds policies against each other within one training: every few steps the session gets another policy or budget. Unlimited steps before and
/// after each policy are its baseline, so that a machine whose speed drifts drifts for both. In several rounds each policy gets its turn at several times, so that what slows the machine down for
/// a minute does not make a policy's row.
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
    /// <param name="measured">Steps that count, per policy, budget and round.</param>
    /// <param name="rounds">So many times all policies take their turns at each budget; a row counts the steps of all.</param>
    /// <param name="improving">Steps before those that count, in each round, for the policy that improves its plan.</param>
    /// <param name="unlimitedPeak">What shares refer to.</param>
    /// <param name="traffic">Null: no control with the same traffic after the last policy of each budget.</param>
    public PolicyStudy(
        IReadOnlyList<BudgetChoice> budgets, IReadOnlyList<string> policies, int measured, int rounds, int improving, ByteSize unlimitedPeak, SameTraffic? traffic)
    {
        _traffic = traffic;
        ByteSize first = budgets[0].Resolve(unlimitedPeak);
        // As in every training: the profile comes from steps on demand under the budget.
        _phases.Add(new Phase(first, "", "on-demand-lru", 3, 0));
        foreach (BudgetChoice budget in budgets)
        {
            string name = budget.ToString();
            for (int round = 0; round < rounds; round++)
            {
                foreach (string policy in policies)
                {
                    _phases.Add(new Phase(null, name, Unlimited, 2, measured));
                    _phases.Add(new Phase(budget.Resolve(unlimitedPeak), name, policy, policy == Improving ? improving : 2, measured));
                }
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
        double seconds = of.Seconds.Sum();
        _traffic!.Start(of.Traffic.Sum(t => t.BytesRead.Bytes) / seconds, of.Traffic.Sum(t => t.BytesWritten.Bytes) / seconds);
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

    /// <summary>One row per budget and policy, after one of all unlimited steps of this budget; of what did not get its turn in a training that was stopped there is none.</summary>
    public IEnumerable<StudyRow> Rows()
    {
        foreach (var budget in _phases.Where(p => p.Measured > 0).GroupBy(p => p.BudgetName))
        {
            // A policy's neighbours are unlimited, by construction.
            Phase[] phases = [.. budget];
            var turns = phases
                .Select((phase, i) => (Phase: phase, Beside: phase.Policy == Unlimited ? phase.Seconds : [.. phases[i - 1].Seconds, .. phases[i + 1].Seconds]))
                .Where(t => t.Phase.Seconds.Count > 0)
                .GroupBy(t => t.Phase.Policy)
                .OrderBy(g => g.Key != Unlimited);
            foreach (var policy in turns) yield return Row([.. policy.Select(t => t.Phase)], Median([.. policy.SelectMany(t => t.Beside)]));
        }
    }

    /// <param name="turns">Of one policy under one budget, each with a step that counts.</param>
    /// <param name="unlimited">Seconds of the unlimited steps that its speed refers to.</param>
    private static StudyRow Row(IReadOnlyList<Phase> turns, double unlimited)
    {
        Phase first = turns[0];
        double[] seconds = [.. turns.SelectMany(p => p.Seconds)];
        return new StudyRow
        {
            Budget = first.Policy == Unlimited ? "unlimited" : first.BudgetName,
            Policy = first.Policy,
            StepSeconds = Median(seconds),
            UnlimitedStepSeconds = unlimited,
            StallSeconds = Average(t => t.StallTime.TotalSeconds),
            LatePrefetchSeconds = Average(t => t.LatePrefetchTime.TotalSeconds),
            OnDemandReadSeconds = Average(t => t.OnDemandReadTime.TotalSeconds),
            NoRoomSeconds = Average(t => t.NoRoomTime.TotalSeconds),
            BytesRead = (long)Average(t => t.BytesRead.Bytes),
            BytesWritten = (long)Average(t => t.BytesWritten.Bytes),
            BytesReadFromHost = HostBytes(static h => h.BytesOut),
            BytesWrittenToHost = HostBytes(static h => h.BytesIn),
            BytesSpilled = HostBytes(static h => h.BytesSpilled),
            BudgetBytes = first.Budget?.Bytes,
            PeakBytes = turns.Max(p => p.Peak).Bytes,
            PredictedStepSeconds = Median([.. turns.Select(p => p.PredictedSeconds)]),
            AllStepSeconds = seconds,
        };

        double Average(Func<OffloadStatistics, double> of) => turns.SelectMany(p => p.Traffic).Average(of);

        long HostBytes(Func<HostTierStatistics, ByteSize> of) =>
            turns.Sum(p => p is { HostBefore: { } before, HostAfter: { } after } ? of(after).Bytes - of(before).Bytes : 0) / seconds.Length;
    }

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

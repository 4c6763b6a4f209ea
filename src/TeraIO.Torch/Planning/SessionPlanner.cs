using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;

namespace TeraIO.Torch.Planning;

/// <summary>
/// Plans for a running session: measures the store once, plans each steady step with the session's policy, and plans again with the times of
/// planned steps as long as steps get shorter. Used by the training thread only.
/// </summary>
internal sealed class SessionPlanner
{
    /// <summary>What tombstones and small tensors may take more than they did in the recorded step.</summary>
    private const double BudgetMargin = 0.01;

    /// <summary>The part of the host tier's budget that plans fill; the rest is for padding, and for what the tier keeps free.</summary>
    private const double PlannedHostShare = 0.85;

    private const int MostReplans = 4;

    /// <summary>Steps by one plan before it is judged: the first one still moves what the plan before left behind.</summary>
    private const int StepsPerPlan = 3;

    /// <summary>A plan is better when its step is this much shorter.</summary>
    private const double WorthwhileGain = 0.01;

    private readonly TensorStore _store;
    private StoreBandwidth? _bandwidth; // of the profile, or measured for the first plan
    private readonly StoreBandwidth? _hostBandwidth; // measured while the host tier is empty; null without one
    private long _budget;
    private IMigrationPolicy _policy;
    private readonly Dictionary<MigrationPlan, Trial> _trials = new(ReferenceEqualityComparer.Instance);

    private sealed class Trial
    {
        public MigrationPlan? Better { get; init; }
        public double BetterSeconds { get; init; } = double.PositiveInfinity;
        public int Replans { get; init; }
        public int Steps { get; set; }
        public double Seconds { get; set; } = double.PositiveInfinity;
        public bool IsSettled { get; set; }
    }

    /// <exception cref="ConfigurationException">The policy's name is unknown, or the bandwidth profile cannot be read or lacks a path.</exception>
    /// <exception cref="TraceFormatException">The bandwidth profile is none.</exception>
    /// <exception cref="StorageFullException">The store has no room to measure the host tier with.</exception>
    public SessionPlanner(OffloadOptions options, TensorStore store)
    {
        _store = store;
        _budget = options.MemoryBudget!.Value.Bytes;
        _policy = Policies.Named(options.Policy);
        if (options.BandwidthProfile is { } profile) _bandwidth = BandwidthProfileFile.Read(profile).For(options.StoragePaths, options.StorageShares);
        _hostBandwidth = StoreProbe.MeasureHostMemory(store);
    }

    private bool Replans => _policy.Name == OffloadOptions.DefaultPolicy;

    /// <summary>Makes every plan so far history.</summary>
    public void Change(long budget)
    {
        _budget = budget;
        _trials.Clear();
    }

    /// <inheritdoc cref="Change(long)"/>
    /// <exception cref="ConfigurationException">The policy's name is unknown.</exception>
    public void Change(string policy)
    {
        _policy = Policies.Named(policy);
        _trials.Clear();
    }

    /// <inheritdoc cref="PlannedRun"/>
    public MigrationPlan? Plan(PlanRequest request)
    {
        if (request.Current is not { } current || !_trials.TryGetValue(current, out Trial? trial)) return Make(request.Profile, new Trial(), costsCompute: true);
        if (trial.IsSettled) return null;
        if (++trial.Steps > 1) trial.Seconds = Math.Min(trial.Seconds, request.StepSeconds);
        if (trial.Steps < StepsPerPlan) return null;
        if (trial.Seconds > trial.BetterSeconds * (1 - WorthwhileGain))
        {
            trial.IsSettled = true;
            return trial.Seconds > trial.BetterSeconds ? Settle(trial.Better) : null;
        }

        bool isFast = request.StallSeconds < WorthwhileGain * request.StepSeconds;
        if (!Replans || isFast || trial.Replans == MostReplans)
        {
            trial.IsSettled = true;
            return null;
        }

        // What transfers cost the ops is in the measured durations already.
        return Make(request.Trace, new Trial { Better = current, BetterSeconds = trial.Seconds, Replans = trial.Replans + 1 }, costsCompute: false);
    }

    private MigrationPlan? Settle(MigrationPlan? plan)
    {
        if (plan is not null) _trials[plan].IsSettled = true;
        return plan;
    }

    private MigrationPlan Make(Trace trace, Trial trial, bool costsCompute)
    {
        _bandwidth ??= StoreProbe.Measure(_store);
        PolicyResult result = _policy.Plan(trace, Machine(_bandwidth, costsCompute));
        _trials[result.Plan] = trial;
        return result.Plan;
    }

    private MachineModel Machine(StoreBandwidth bandwidth, bool costsCompute)
    {
        // When the plan is made.
        int sharing = _store.SharingStores;
        StoreBandwidth share = bandwidth with { ReadBandwidth = bandwidth.ReadBandwidth / sharing, WriteBandwidth = bandwidth.WriteBandwidth / sharing };
        return new MachineModel
        {
            MemoryBudget = (long)(_budget * (1 - BudgetMargin)),
            Storage = MeasuredMachine.Tier(share, latencySeconds: 0.0005),
            Host = _hostBandwidth is { } host
                ? MeasuredMachine.Tier(host, latencySeconds: 0.00005) with { Capacity = (long)(_store.Options.HostMemory!.Budget.Bytes * PlannedHostShare) }
                : null,
            ComputeSecondsPerByte = costsCompute ? MeasuredMachine.ComputeSecondsPerByte(bandwidth) : 0,
        };
    }
}

using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Runtime.Planned;
using TeraIO.Core.Storage;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;

namespace TeraIO.Torch.Planning;

/// <summary>
/// Plans for a running session: measures the store, plans each steady step with the session's policy, and plans again with the times of
/// planned steps as long as that helps (<see cref="PlanTrial"/>). A new policy or budget begins with a new measurement: disks that others use change their speed within minutes. Used by the
/// training thread only.
/// </summary>
internal sealed class SessionPlanner
{
    /// <summary>What tombstones and small tensors may take more than they did in the recorded step.</summary>
    private const double BudgetMargin = 0.01;

    /// <summary>The part of the host tier's budget that plans fill; the rest is for padding, and for what the tier keeps free.</summary>
    private const double PlannedHostShare = 0.85;

    private readonly TensorStore _store;
    private readonly Func<TensorStore, StoreBandwidth> _measure;
    private readonly StoreBandwidth? _ofProfile; // null: measured
    private StoreBandwidth? _bandwidth; // null: not measured yet
    private bool _isOutOfDate;
    private readonly StoreBandwidth? _hostBandwidth; // measured while the host tier is empty; null without one
    private long _budget;
    private IMigrationPolicy _policy;
    private readonly Dictionary<MigrationPlan, PlanTrial> _trials = new(ReferenceEqualityComparer.Instance);

    /// <exception cref="ConfigurationException">The policy's name is unknown, or the bandwidth profile cannot be read or lacks a path.</exception>
    /// <exception cref="TraceFormatException">The bandwidth profile is none.</exception>
    /// <exception cref="StorageFullException">The store has no room to measure the host tier with.</exception>
    public SessionPlanner(OffloadOptions options, TensorStore store)
        : this(options, store, StoreProbe.Measure)
    {
    }

    /// <inheritdoc cref="SessionPlanner(OffloadOptions, TensorStore)"/>
    internal SessionPlanner(OffloadOptions options, TensorStore store, Func<TensorStore, StoreBandwidth> measure)
    {
        _store = store;
        _measure = measure;
        _budget = options.MemoryBudget!.Value.Bytes;
        _policy = Policies.Named(options.Policy);
        if (options.BandwidthProfile is { } profile) _ofProfile = Of(profile);
        _hostBandwidth = StoreProbe.MeasureHostMemory(store);

        // The figures of what moves the bytes: the store may have chosen another backend than the profile's best.
        StoreBandwidth Of(string file) =>
            (store.Options.BandwidthProfile ?? BandwidthProfileFile.Read(file)).For(options.StoragePaths, options.StorageShares, [.. store.Statistics.Paths.Select(static path => path.Backend)]);
    }

    private bool Replans => _policy.Name == OffloadOptions.DefaultPolicy;

    /// <summary>Makes every plan so far history.</summary>
    public void Change(long budget)
    {
        _budget = budget;
        BeginAnew();
    }

    /// <inheritdoc cref="Change(long)"/>
    /// <exception cref="ConfigurationException">The policy's name is unknown.</exception>
    public void Change(string policy)
    {
        _policy = Policies.Named(policy);
        BeginAnew();
    }

    /// <inheritdoc cref="PlannedRun"/>
    public MigrationPlan? Plan(PlanRequest request)
    {
        if (request.Current is not { } current || !_trials.TryGetValue(current, out PlanTrial? trial)) return Make(request.Profile, before: null);
        // A device's waits that nobody timed would pass for none.
        if (!request.IsTimed) return null;
        return trial.Judge(request.StepSeconds, request.StallSeconds) switch
        {
            TrialVerdict.GoesBack => trial.Before!.Plan,
            TrialVerdict.MayBeBettered when Replans => Make(request.Trace, before: trial),
            _ => null,
        };
    }

    private MigrationPlan Make(Trace trace, PlanTrial? before)
    {
        StoreBandwidth bandwidth = Bandwidth();
        // In the durations of a planned step is already what its transfers cost the ops.
        PolicyResult result = _policy.Plan(trace, Machine(bandwidth, costsCompute: before is null));
        SimulationResult moved = result.Simulation;
        double transferSeconds = OpSecondsPerByte(bandwidth) * (moved.BytesRead + moved.BytesWritten + moved.HostBytesRead + moved.HostBytesWritten);
        _trials[result.Plan] = new PlanTrial(result.Plan, transferSeconds, before);
        return result.Plan;
    }

    private void BeginAnew()
    {
        _trials.Clear();
        _isOutOfDate = true;
    }

    /// <summary>Measured when it is out of date and nothing is in flight, which would be measured with it. Where that is not so, or fails, the figures before it are good enough.</summary>
    private StoreBandwidth Bandwidth()
    {
        if (_ofProfile is not null) return _ofProfile;
        if (_bandwidth is not null && (!_isOutOfDate || _store.TransfersInFlight > 0)) return _bandwidth;
        try
        {
            _bandwidth = _measure(_store);
            _isOutOfDate = false;
        }
        catch (TeraIOException) when (_bandwidth is not null)
        {
            // The store may be full by now.
        }

        return _bandwidth;
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
            ComputeSecondsPerByte = costsCompute ? OpSecondsPerByte(bandwidth) : 0,
        };
    }

    /// <summary>Kernels of a device need none of the processor time that transfers take.</summary>
    private double OpSecondsPerByte(StoreBandwidth bandwidth) => _store.Options.MovesDeviceMemory ? 0 : MeasuredMachine.ComputeSecondsPerByte(bandwidth);
}

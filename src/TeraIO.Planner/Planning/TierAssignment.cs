using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Planning;

/// <summary>How the host tier is filled.</summary>
internal enum HostUse
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>With what moves the most bytes per host memory and time first, until both paths are equally busy or the memory is full.</summary>
    ByTraffic,

    /// <summary>In the order in which tensors come back, each to the path that is less busy so far: both paths work side by side all the time.</summary>
    Alternating,
}

/// <summary>
/// Decides which contents wait in host memory and which on SSD, for both paths together: TERAIO and G10 go to the host only when the SSD is saturated, tensor by
/// tensor. All periods of one version wait in the same tier, so that its one write serves them all.
/// </summary>
internal static class TierAssignment
{
    private readonly record struct Load(int Version, long Bytes, int FirstOp, int Ops, long Read, long Written, int Deadline)
    {
        public double Density => (Read + Written) / ((double)Bytes * Ops);
    }

    /// <returns>For each version whether it waits in host memory.</returns>
    public static bool[] Assign(PlanningProblem problem, PeriodSelection selection, HostUse use)
    {
        var onHost = new bool[problem.Lifetimes.VersionCount];
        if (use == HostUse.None || problem.Machine.Host is not { } host) return onHost;
        List<Load> loads = LoadsOf(problem, selection);
        loads.Sort(use == HostUse.ByTraffic
            ? static (a, b) => a.Density != b.Density ? b.Density.CompareTo(a.Density) : a.Version.CompareTo(b.Version)
            : static (a, b) => a.Deadline != b.Deadline ? a.Deadline.CompareTo(b.Deadline) : a.Version.CompareTo(b.Version));
        TierModel ssd = problem.Machine.Storage;
        var space = new CyclicRangeTree(new long[problem.Ops]);
        double ssdSeconds = 0;
        double hostSeconds = 0;
        if (use == HostUse.ByTraffic)
        {
            foreach (Load load in loads) ssdSeconds += Seconds(load, ssd);
        }

        foreach (Load load in loads)
        {
            double there = hostSeconds + Seconds(load, host);
            double here = use == HostUse.ByTraffic ? ssdSeconds : ssdSeconds + Seconds(load, ssd);
            if (there <= here && space.MaxOf(load.FirstOp, load.Ops) <= host.Capacity - load.Bytes)
            {
                onHost[load.Version] = true;
                space.Add(load.FirstOp, load.Ops, load.Bytes);
                hostSeconds = there;
                if (use == HostUse.ByTraffic) ssdSeconds -= Seconds(load, ssd);
            }
            else if (use == HostUse.Alternating)
            {
                ssdSeconds = here;
            }
        }

        return onHost;
    }

    private static double Seconds(in Load load, TierModel tier) => load.Read / tier.ReadBandwidth + load.Written / tier.WriteBandwidth;

    private static List<Load> LoadsOf(PlanningProblem problem, PeriodSelection selection)
    {
        var loads = new List<Load>();
        for (int version = 0; version < problem.Lifetimes.VersionCount; version++)
        {
            int first = -1;
            int last = -1;
            long read = 0;
            for (int p = problem.FirstOfVersion[version]; p < problem.FirstOfVersion[version + 1]; p++)
            {
                if (!selection[p]) continue;
                if (first < 0) first = p;
                last = p;
                if (problem.Period(p).IsRead) read += problem.Period(p).Bytes;
            }

            if (first < 0) continue;
            ref readonly InactivePeriod begin = ref problem.Period(first);
            ref readonly InactivePeriod end = ref problem.Period(last);
            // A copy that no op makes stale stays for good; others until the last period of the version has passed.
            int ops = begin.IsDirty
                ? Math.Min(problem.Ops, TraceLifetimes.Distance(begin.StartOp, end.StartOp, problem.Ops) + end.IdleOps + 1)
                : problem.Ops;
            loads.Add(new Load(version, begin.Bytes, problem.FirstIdle[first], ops, read, begin.IsDirty ? begin.Bytes : 0, end.EndOp));
        }

        return loads;
    }
}

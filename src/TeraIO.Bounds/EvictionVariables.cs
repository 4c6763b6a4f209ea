using TeraIO.Bounds.Linear;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds;

/// <summary>Adds what may leave, and when that costs a write, to a program; and per checkpoint the bytes that are chosen to be away.</summary>
internal sealed class EvictionVariables
{
    private readonly LinearProgram _program;
    private readonly Checkpoints _checkpoints;
    private readonly List<EvictionVariable> _all = [];
    private readonly int[][] _chosen; // by tier and checkpoint

    public EvictionVariables(LinearProgram program, List<PeriodGroup> groups, Checkpoints checkpoints, IReadOnlyList<TierModel> tiers, Units units)
    {
        _program = program;
        _checkpoints = checkpoints;
        foreach (PeriodGroup group in groups)
        {
            double bytes = units.Amount(group.Bytes);
            for (int tier = 0; tier < tiers.Count; tier++) AddTier(group, tier, bytes);
            if (tiers.Count > 1) LimitSumOverTiers(group, tiers.Count, bytes);
            Total += bytes * group.Periods.Length;
        }

        _chosen = [.. Enumerable.Range(0, tiers.Count).Select(AddChosen)];
    }

    public IReadOnlyList<EvictionVariable> All => _all;

    /// <summary>All that could leave, in the program's units.</summary>
    public double Total { get; }

    /// <summary>The variable that sums the bytes of the periods that contain a checkpoint.</summary>
    public int Chosen(int tier, int checkpoint) => _chosen[tier][checkpoint];

    private void AddTier(PeriodGroup group, int tier, double bytes)
    {
        if (group.IsNeverDirty)
        {
            foreach (GroupPeriod period in group.Periods) _all.Add(new EvictionVariable(period, tier, -1, -1, _program.AddVariable(0, bytes)));
            return;
        }

        int first = _all.Count;
        foreach (GroupPeriod period in group.Periods)
        {
            bool mayHaveCopy = _all.Count > first || period.CanBeWrittenBefore;
            int before = period.CanBeWrittenBefore ? _program.AddVariable(0, bytes) : -1;
            _all.Add(new EvictionVariable(period, tier, _program.AddVariable(0, bytes), before, mayHaveCopy ? _program.AddVariable(0, bytes) : -1));
        }

        // Nothing is written twice between two changes ...
        if (_all.Count - first == 1 && _all[first].WrittenBefore < 0) return;
        int once = _program.AddRow(double.NegativeInfinity, bytes);
        for (int i = first; i < _all.Count; i++)
        {
            _all[i].AddWrites(_program, once, 1);
            if (_all[i].Dropped < 0) continue;
            // ... and only what was written before can be dropped.
            int copy = _program.AddRow(double.NegativeInfinity, 0);
            _program.Add(copy, _all[i].Dropped, 1);
            for (int j = first; j < i; j++) _all[j].AddWrites(_program, copy, -1);
            if (_all[i].WrittenBefore >= 0) _program.Add(copy, _all[i].WrittenBefore, -1);
        }
    }

    private void LimitSumOverTiers(PeriodGroup group, int tiers, double bytes)
    {
        int periods = group.Periods.Length, first = _all.Count - tiers * periods;
        for (int i = 0; i < periods; i++)
        {
            int row = _program.AddRow(double.NegativeInfinity, bytes);
            for (int tier = 0; tier < tiers; tier++) _all[first + tier * periods + i].AddAway(_program, row, 1);
        }
    }

    /// <summary>Chosen bytes as a running sum over the iteration: each period enters one row where it begins and one where it ends, not one per checkpoint.</summary>
    private int[] AddChosen(int tier)
    {
        int count = _checkpoints.Count;
        var chosen = new int[count];
        var rows = new int[count]; // of the interval after each checkpoint
        for (int i = 0; i < count; i++)
        {
            chosen[i] = _program.AddVariable(0, Total);
            rows[i] = _program.AddRow(0, 0);
        }

        int anchor = _program.AddRow(0, 0);
        _program.Add(anchor, chosen[0], -1);
        for (int i = 0; i < count; i++)
        {
            _program.Add(rows[i], chosen[_checkpoints.Wrap(i + 1)], -1);
            _program.Add(rows[i], chosen[i], 1);
        }

        foreach (EvictionVariable eviction in _all)
        {
            if (eviction.Tier != tier) continue;
            GroupPeriod period = eviction.Period;
            eviction.AddAway(_program, rows[_checkpoints.Wrap(period.First - 1)], 1);
            eviction.AddAway(_program, rows[_checkpoints.Wrap(period.Last)], -1);
            if (period.First <= 0 && period.Last >= 0 || period.First <= count && period.Last >= count) eviction.AddAway(_program, anchor, 1);
        }

        return chosen;
    }
}

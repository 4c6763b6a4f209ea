using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>Time: transfers move on while ops run or wait.</summary>
internal sealed partial class SimulationRun
{
    /// <summary>Transfers never take more of the compute than this.</summary>
    private const double MostOfCompute = 0.9;

    private readonly double[] _waits = new double[4]; // seconds of the op so far, by cause
    private double _now; // since the iteration began

    private double NextEvent => _host is null ? _ssd.NextEvent : Math.Min(_ssd.NextEvent, _host.NextEvent);

    /// <summary>Runs an op for so many seconds of undisturbed compute.</summary>
    private void Compute(double seconds)
    {
        if (_computeSecondsPerByte == 0)
        {
            double end = _now + seconds;
            do
            {
                while (NextEvent <= end) Step(NextEvent);
            }
            while (!TryReach(end));
            AdvanceTo(end);
            return;
        }

        double left = seconds;
        while (true)
        {
            double speed = 1 - Math.Min(MostOfCompute, _computeSecondsPerByte * (_ssd.Rate + (_host?.Rate ?? 0)));
            double end = _now + left / speed;
            double next = NextEvent;
            double before = _now;
            if (next <= end)
            {
                Step(next);
            }
            else if (TryReach(end))
            {
                AdvanceTo(end);
                return;
            }

            left = Math.Max(0, left - (_now - before) * speed);
        }
    }

    /// <summary>Waits for the next thing to happen.</summary>
    private void Wait(StallCause cause)
    {
        double next = NextEvent;
        if (double.IsPositiveInfinity(next)) throw new InvalidOperationException("The simulated op waits for nothing: a defect of the simulator.");
        double before = _now;
        Step(next);
        _waits[(int)cause] += _now - before;
    }

    /// <summary>Goes to <paramref name="time"/>, the next event, and lets it happen; less far when another rank changes what happens next.</summary>
    private void Step(double time)
    {
        if (!TryReach(time)) return;
        AdvanceTo(time);
        Settle(_ssd);
        if (_host is not null) Settle(_host);
        StartPrefetches();
    }

    private void AdvanceTo(double time)
    {
        double seconds = time - _now;
        _now = time;
        if (seconds <= 0 || _transfers.Count == 0) return;
        _ssd.Advance(seconds);
        _host?.Advance(seconds);
    }

    private void Settle(TierPath path)
    {
        if (path.NextEvent > _now) return;
        int read = path.Reads.TakeEnded(_now);
        int written = path.Writes.TakeEnded(_now);
        path.Update(_now);
        if (written >= 0) EndWrite(path, written);
        if (read >= 0) EndRead(path, read);
    }

    /// <summary>A new iteration begins: time starts at 0 again.</summary>
    private void Rebase()
    {
        double seconds = _now;
        _now = 0;
        _rank?.Rebase(seconds);
        for (int i = 0; i < _queue.Count; i++) _askedAt[_queue[i] >> 1] -= seconds;
        _ssd.Rebase(seconds);
        _host?.Rebase(seconds);
    }

    private void Record(in TransferEntry entry)
    {
        if (!_options.RecordTransfers || !entry.IsOfThisIteration) return;
        _recorded.Add(new SimulatedTransfer(
            _plan.TensorOf[entry.Piece],
            entry.IsWrite ? MigrationKind.Offload : MigrationKind.Prefetch,
            entry.Tier,
            entry.Bytes,
            entry.Issued,
            entry.Started,
            _now,
            entry.IsPlanned));
    }
}

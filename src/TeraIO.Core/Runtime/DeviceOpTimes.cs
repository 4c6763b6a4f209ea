using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>How long the device took for an op.</summary>
/// <param name="Run">Time since the op before it, without <paramref name="Stall"/>: what the device stood still for want of work from the host is in it, as on a host's own clock.</param>
/// <param name="Stall">The part of the time in which the host waited for transfers and the device had nothing left to do.</param>
internal readonly record struct DeviceOpTime(TimeSpan Run, TimeSpan Stall);

/// <summary>
/// Times the ops of a step by events in the session's stream: one behind each op, and one at each end of every wait for transfers. The host's clock knows only when kernels were
/// launched; and a wait of the host is none of the device as long as that has launched kernels to run. Under the engine's lock, but for <see cref="Collect"/>.
/// </summary>
/// <remarks>Where the driver refuses a mark the step has no times; the op that the driver refuses next tells why.</remarks>
internal sealed class DeviceOpTimes(KernelOrder kernels) : IDisposable
{
    private enum Moment : byte
    {
        StepBegan,
        WaitBegan,
        WaitEnded,
        OpEnded,
        StepEnded,
    }

    private readonly DeviceTimeline _timeline = kernels.Device.CreateTimeline();
    private readonly List<Moment> _moments = [];
    private bool _isRunning;
    private int _waits; // nested, or of several threads
    private bool _isBroken;

    /// <summary>A step begins that is to be timed.</summary>
    public void Begin()
    {
        _isBroken = false;
        _isRunning = true;
        _waits = 0;
        Mark(Moment.StepBegan);
    }

    /// <summary>The kernels of an op are launched.</summary>
    public void OpEnded() => Mark(Moment.OpEnded);

    /// <summary>The calling thread is about to wait for transfers.</summary>
    public void WaitBegan()
    {
        if (_waits++ == 0) Mark(Moment.WaitBegan);
    }

    /// <summary>It has waited.</summary>
    public void WaitEnded()
    {
        // A wait that was under way when the step began is none of its.
        if (_waits > 0 && --_waits == 0) Mark(Moment.WaitEnded);
    }

    /// <summary>The step ends; <see cref="Collect"/> follows.</summary>
    public void End()
    {
        Mark(Moment.StepEnded);
        _isRunning = false;
    }

    /// <summary>Waits until the device has come to the end of the step. Not under the engine's lock.</summary>
    /// <returns>The times of all ops, in order, and of the whole step; null where the driver refused.</returns>
    public (List<DeviceOpTime> Ops, TimeSpan Step)? Collect()
    {
        Moment[] moments = [.. _moments];
        _moments.Clear();
        TimeSpan[] times;
        try
        {
            times = _timeline.Collect();
        }
        catch (TeraIOException)
        {
            return null;
        }

        return _isBroken || times.Length != moments.Length ? null : (Divide(moments, times), times[^1]);
    }

    public void Dispose() => _timeline.Dispose();

    private static List<DeviceOpTime> Divide(Moment[] moments, TimeSpan[] times)
    {
        var ops = new List<DeviceOpTime>();
        TimeSpan last = times[0];
        TimeSpan stall = TimeSpan.Zero;
        TimeSpan waitBegan = default;
        for (int i = 1; i < moments.Length; i++)
        {
            switch (moments[i])
            {
                case Moment.WaitBegan:
                    waitBegan = times[i];
                    break;
                case Moment.WaitEnded:
                    stall += times[i] - waitBegan;
                    break;
                case Moment.OpEnded:
                    ops.Add(new DeviceOpTime(times[i] - last - stall, stall));
                    last = times[i];
                    stall = TimeSpan.Zero;
                    break;
                default:
                    // What passes after the last op belongs to it.
                    if (ops.Count > 0) ops[^1] = new DeviceOpTime(ops[^1].Run + times[i] - last - stall, ops[^1].Stall + stall);
                    break;
            }
        }

        return ops;
    }

    private void Mark(Moment moment)
    {
        if (!_isRunning || _isBroken) return;
        try
        {
            _timeline.Mark(kernels.Stream);
            _moments.Add(moment);
        }
        catch (TeraIOException)
        {
            _isBroken = true;
        }
    }
}

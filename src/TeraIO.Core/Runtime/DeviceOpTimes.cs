using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>How long the device took for an op.</summary>
/// <param name="Run">Time since the op before it, without <paramref name="Stall"/>: what the device stood still for want of work from the host is in it, as on a host's own clock.</param>
/// <param name="Stall">The part of the time in which the host waited for transfers and the device had nothing left to do, or the device's stream itself waited for them.</param>
internal readonly record struct DeviceOpTime(TimeSpan Run, TimeSpan Stall);

/// <summary>The times of a step.</summary>
/// <param name="Ops">Of all ops, in order.</param>
/// <param name="Step">From its begin to its end.</param>
/// <param name="StreamWaits">Reads that the stream was made to wait for.</param>
/// <param name="StreamWaitTime">How long it stood still for them; part of the ops' stalls.</param>
internal sealed record DeviceStepTimes(List<DeviceOpTime> Ops, TimeSpan Step, long StreamWaits, TimeSpan StreamWaitTime);

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
        StreamWaitBegan,
        StreamWaitEnded,
        OpEnded,
        StepEnded,
    }

    private readonly DeviceTimeline _timeline = kernels.Device.CreateTimeline();
    private readonly List<Moment> _moments = [];
    private bool _isRunning;
    private int _waits; // nested, or of several threads
    private int _streamWaits; // likewise
    private long _readsWaitedFor;
    private bool _isBroken;

    /// <summary>A step begins that is to be timed.</summary>
    public void Begin()
    {
        _isBroken = false;
        _isRunning = true;
        _waits = 0;
        _streamWaits = 0;
        _readsWaitedFor = 0;
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

    /// <summary>The stream is about to be made to wait for reads.</summary>
    public void StreamWaitBegan()
    {
        if (_streamWaits++ == 0) Mark(Moment.StreamWaitBegan);
    }

    /// <summary>It was; what is launched next comes after them.</summary>
    /// <param name="reads">How many it waits for.</param>
    public void StreamWaitEnded(long reads)
    {
        if (_streamWaits == 0) return;
        _readsWaitedFor += reads;
        if (--_streamWaits == 0) Mark(Moment.StreamWaitEnded);
    }

    /// <summary>The step ends; <see cref="Collect"/> follows.</summary>
    public void End()
    {
        Mark(Moment.StepEnded);
        _isRunning = false;
    }

    /// <summary>Waits until the device has come to the end of the step. Not under the engine's lock.</summary>
    /// <returns>Null where the driver refused.</returns>
    public DeviceStepTimes? Collect()
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

        if (_isBroken || times.Length != moments.Length) return null;
        return new DeviceStepTimes(Divide(moments, times), times[^1], _readsWaitedFor, SumOfStreamWaits(moments, times));
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
                case Moment.StreamWaitBegan or Moment.StreamWaitEnded:
                    break; // within a wait that is counted
                default:
                    // What passes after the last op belongs to it.
                    if (ops.Count > 0) ops[^1] = new DeviceOpTime(ops[^1].Run + times[i] - last - stall, ops[^1].Stall + stall);
                    break;
            }
        }

        return ops;
    }

    private static TimeSpan SumOfStreamWaits(Moment[] moments, TimeSpan[] times)
    {
        TimeSpan sum = TimeSpan.Zero;
        TimeSpan began = default;
        for (int i = 0; i < moments.Length; i++)
        {
            if (moments[i] == Moment.StreamWaitBegan) began = times[i];
            else if (moments[i] == Moment.StreamWaitEnded) sum += times[i] - began;
        }

        return sum;
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

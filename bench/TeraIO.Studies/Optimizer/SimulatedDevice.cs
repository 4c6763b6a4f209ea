using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using TeraIO.Optimizer.Interleave;
using TeraIO.Optimizer.Update;

namespace TeraIO.Studies.Optimizer;

/// <summary>
/// A device that is not there: three queues, to it, on it and from it, each a thread that lets the time of its rate pass for one subgroup after the other. The arithmetic is done
/// by the thread in the middle, on a core that stands for the device.
/// </summary>
internal sealed class SimulatedDevice : IUpdateExecutor, IDisposable
{
    private readonly BlockingCollection<Job> _arriving = [];
    private readonly BlockingCollection<Job> _updating = [];
    private readonly BlockingCollection<Job> _leaving = [];
    private readonly Thread[] _threads;
    private readonly UpdateRates _rates;
    private int _late;

    /// <param name="rates">The CPU's is not used.</param>
    public SimulatedDevice(UpdateRates rates)
    {
        _rates = rates;
        _threads =
        [
            Start("to", () => Pass(_arriving, job => job.Update.StateBytes / _rates.HostToDevice, static _ => { }, _updating.Add)),
            Start("on", () => Pass(_updating, job => job.Update.Subgroup.Elements / _rates.DeviceUpdate, static job => job.Update.Run(job.Update.State, 0, job.Update.Subgroup.Elements), _leaving.Add)),
            Start("from", () => Pass(_leaving, job => job.Update.StateBytes / _rates.DeviceToHost, static _ => { }, static job => job.End.SetResult())),
        ];
    }

    public string Name => "simulated device";

    /// <summary>Subgroups for which the core took longer than the device would.</summary>
    public int Late => Volatile.Read(ref _late);

    public Task UpdateAsync(SubgroupUpdate update)
    {
        var job = new Job(update, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _arriving.Add(job);
        return job.End.Task;
    }

    /// <summary>After its last update.</summary>
    public void Dispose()
    {
        foreach (BlockingCollection<Job> queue in (BlockingCollection<Job>[])[_arriving, _updating, _leaving]) queue.CompleteAdding();
        foreach (Thread thread in _threads) thread.Join();
        foreach (BlockingCollection<Job> queue in (BlockingCollection<Job>[])[_arriving, _updating, _leaving]) queue.Dispose();
    }

    private static Thread Start(string name, ThreadStart run)
    {
        var thread = new Thread(run) { IsBackground = true, Name = $"simulated device, {name}" };
        thread.Start();
        return thread;
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whoever waits for the job gets the exception.")]
    private void Pass(BlockingCollection<Job> queue, Func<Job, double> seconds, Action<Job> work, Action<Job> next)
    {
        long free = 0;
        foreach (Job job in queue.GetConsumingEnumerable())
        {
            long due = Math.Max(free, Stopwatch.GetTimestamp()) + (long)(seconds(job) * Stopwatch.Frequency);
            try
            {
                work(job);
            }
            catch (Exception e)
            {
                job.End.SetException(e);
                continue;
            }

            TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (left > TimeSpan.Zero) Thread.Sleep(left);
            else Interlocked.Increment(ref _late);
            // Sleeping too long is made up for by the next; working too long is not.
            free = left > TimeSpan.Zero ? due : Stopwatch.GetTimestamp();
            next(job);
        }
    }

    private sealed record Job(SubgroupUpdate Update, TaskCompletionSource End);
}

using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading.Channels;
using TeraIO.Optimizer.Interleave;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Offload;

/// <summary>
/// One step under way. A task fetches the subgroups in order, as far ahead as there are free buffers; the step updates each as it arrives, hands a share to
/// the device without waiting for it, and starts the flush of each when it is updated; a flush that ends frees the buffer for the next fetch.
/// </summary>
internal sealed class StepRun
{
    private readonly SubgroupStorage _storage;
    private readonly OptimizerOffloadOptions _options;
    private readonly IUpdateExecutor _cpu;
    private readonly AdamWStep _step;
    private readonly long _number;
    private readonly long[] _updates;
    private readonly IReadOnlyList<Subgroup> _order;
    private readonly int _cached;
    private readonly List<Task> _ends = [];
    private readonly StepTraffic _before;
    private TimeSpan _duration;
    private TimeSpan _fetchWait;
    private TimeSpan _cpuUpdate;
    private TimeSpan _drain;
    private int _hits;
    private int _onDevice;
    private volatile bool _isStateLost;
    private CancellationTokenSource? _stop;
    private Exception? _failure;

    /// <param name="storage">Where the state is.</param>
    /// <param name="options">How it is updated.</param>
    /// <param name="cpu">Updates what the device does not.</param>
    /// <param name="step">What is done.</param>
    /// <param name="number">Of the step, from 1.</param>
    /// <param name="updates">Steps that each subgroup has had; raised by one for each that is updated.</param>
    /// <param name="subgroups">In the order of the step.</param>
    /// <param name="cached">How many of the last stay in memory.</param>
    public StepRun(
        SubgroupStorage storage, OptimizerOffloadOptions options, IUpdateExecutor cpu, AdamWStep step, long number, long[] updates,
        IEnumerable<Subgroup> subgroups, int cached)
    {
        _storage = storage;
        _options = options;
        _cpu = cpu;
        _step = step;
        _number = number;
        _updates = updates;
        _cached = cached;
        // What is in memory goes first. After a failed step that need not be the beginning of the order, and the buffers it holds are needed for the rest.
        _order = [.. subgroups.OrderBy(s => !storage.IsResident(s))];
        _before = storage.Traffic;
    }

    /// <summary>An update failed in the middle of a subgroup.</summary>
    public bool IsStateLost => _isStateLost;

    public async Task RunAsync(CancellationToken ct)
    {
        long begun = Stopwatch.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        _stop = stop;
        var fetches = Channel.CreateUnbounded<Fetch>();
        // The first update need not wait until all reads that have buffers are handed over.
        Task fetching = Task.Run(() => FetchAllAsync(fetches.Writer, stop.Token), CancellationToken.None);
        try
        {
            for (int place = 0; place < _order.Count; place++)
            {
                ct.ThrowIfCancellationRequested();
                await UpdateAsync(place, await NextAsync(fetches.Reader, stop.Token).ConfigureAwait(false), stop.Token).ConfigureAwait(false);
            }

            long drain = Stopwatch.GetTimestamp();
            await Task.WhenAll(_ends).ConfigureAwait(false);
            _drain = Stopwatch.GetElapsedTime(drain);
        }
        catch (OperationCanceledException) when (Volatile.Read(ref _failure) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            // Nothing may still move when the caller goes on, not after a failure either.
            await fetching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (fetches.Reader.TryRead(out Fetch left)) await PutBackAsync(left).ConfigureAwait(false);
            await Task.WhenAll(_ends).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _duration = Stopwatch.GetElapsedTime(begun);
    }

    /// <param name="gradientsWritten">Bytes of gradients that were written for this step before it.</param>
    public UpdateReport Report(long gradientsWritten) => new()
    {
        Step = _number,
        Duration = _duration,
        FetchWait = _fetchWait,
        CpuUpdate = _cpuUpdate,
        Drain = _drain,
        Traffic = _storage.Traffic.Since(_before) with { GradientsWritten = gradientsWritten },
        CacheHits = _hits,
        OnDevice = _onDevice,
    };

    /// <summary>Starts the fetches in order; stops where there is no buffer until one is free.</summary>
    private async Task FetchAllAsync(ChannelWriter<Fetch> fetches, CancellationToken ct)
    {
        Exception? failure = null;
        try
        {
            foreach (Subgroup subgroup in _order)
            {
                bool isHit = _storage.IsResident(subgroup);
                SubgroupBuffer buffer = isHit ? _storage.TakeResident(subgroup) : await _storage.RentAsync(ct).ConfigureAwait(false);
                if (isHit) _hits++;
                bool withGradients = _options.StoresGradients && !IsDone(subgroup);
                // Handed over here, not by tasks of their own: the pool would run those in an order of its own, and the subgroup that is needed first would be read last.
                Task end = _storage.ReadAsync(subgroup, buffer, isHit, withGradients, ct);
                await fetches.WriteAsync(new Fetch(subgroup, buffer, isHit, end), CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException e)
        {
            failure = e;
        }
        finally
        {
            fetches.Complete(failure);
        }
    }

    private async Task<Fetch> NextAsync(ChannelReader<Fetch> fetches, CancellationToken ct)
    {
        long begun = Stopwatch.GetTimestamp();
        Fetch fetch = await fetches.ReadAsync(ct).ConfigureAwait(false);
        try
        {
            await fetch.End.ConfigureAwait(false);
            if (!IsDone(fetch.Subgroup) && !_options.StoresGradients) await _step.Gradients.ReadyAsync(fetch.Subgroup).ConfigureAwait(false);
        }
        catch
        {
            await PutBackAsync(fetch).ConfigureAwait(false);
            throw;
        }

        _fetchWait += Stopwatch.GetElapsedTime(begun);
        return fetch;
    }

    private async Task UpdateAsync(int place, Fetch fetch, CancellationToken ct)
    {
        bool keeps = place >= _order.Count - _cached;
        if (IsDone(fetch.Subgroup))
        {
            Finish(fetch, keeps, ct);
            return;
        }

        var update = new SubgroupUpdate(_step, fetch.Subgroup, fetch.Buffer.Address, _storage.GradientsOf(fetch.Subgroup, fetch.Buffer));
        if (DeviceShare.IsOnDevice(place, _options.DeviceShare))
        {
            _onDevice++;
            _ends.Add(WatchAsync(UpdateOnDeviceAsync(update, fetch, keeps, ct)));
            return;
        }

        long begun = Stopwatch.GetTimestamp();
        await UpdateByAsync(_cpu, update, fetch).ConfigureAwait(false);
        _cpuUpdate += Stopwatch.GetElapsedTime(begun);
        Finish(fetch, keeps, ct);
    }

    private async Task UpdateOnDeviceAsync(SubgroupUpdate update, Fetch fetch, bool keeps, CancellationToken ct)
    {
        await UpdateByAsync(_options.Device!, update, fetch).ConfigureAwait(false);
        if (keeps) _storage.Keep(fetch.Subgroup, fetch.Buffer);
        else await _storage.FlushAsync(fetch.Subgroup, fetch.Buffer, ct).ConfigureAwait(false);
    }

    private async Task UpdateByAsync(IUpdateExecutor executor, SubgroupUpdate update, Fetch fetch)
    {
        try
        {
            await executor.UpdateAsync(update).ConfigureAwait(false);
        }
        catch
        {
            _isStateLost = true;
            _storage.Keep(fetch.Subgroup, fetch.Buffer);
            throw;
        }

        _updates[fetch.Subgroup.Index] = _number;
    }

    private void Finish(in Fetch fetch, bool keeps, CancellationToken ct)
    {
        if (keeps) _storage.Keep(fetch.Subgroup, fetch.Buffer);
        else _ends.Add(WatchAsync(_storage.FlushAsync(fetch.Subgroup, fetch.Buffer, ct)));
    }

    /// <summary>A failure behind the update ends the step: it keeps a buffer that a fetch may be waiting for.</summary>
    private async Task WatchAsync(Task end)
    {
        try
        {
            await end.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
            await _stop!.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private bool IsDone(Subgroup subgroup) => _updates[subgroup.Index] >= _number;

    /// <summary>A subgroup that was fetched and not updated: what was in memory stays there, what was read is on storage anyway.</summary>
    private async Task PutBackAsync(Fetch fetch)
    {
        await fetch.End.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (fetch.WasResident) _storage.Keep(fetch.Subgroup, fetch.Buffer);
        else _storage.Return(fetch.Buffer);
    }

    /// <summary>A subgroup on its way into a buffer.</summary>
    private readonly record struct Fetch(Subgroup Subgroup, SubgroupBuffer Buffer, bool WasResident, Task End);
}

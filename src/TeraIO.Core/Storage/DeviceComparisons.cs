using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>
/// Compares tensors in a device's memory with their copies, one after the other, each when the kernels before its fence have finished, on a thread of its own that sleeps meanwhile. The store's transfers do not
/// wait for it: what compute streams wait for is moved and verified whether or not a fence here passes. Thread-safe, but for <see cref="Dispose"/>, which may come only when nothing is under way.
/// </summary>
internal sealed class DeviceComparisons : IDisposable
{
    private readonly record struct Comparison(StoredCopy Copy, nint Source, TransferFence? After, TaskCompletionSource<bool> End);

    private readonly Func<StoredCopy, nint, bool> _matches;
    private readonly Lock _lock = new();
    private readonly Queue<Comparison> _waiting = new();
    private readonly AutoResetEvent _work = new(initialState: false);
    private Thread? _thread; // from the first comparison on
    private bool _isStopping;

    /// <param name="matches">Compares at once; called on the thread, and may throw.</param>
    public DeviceComparisons(Func<StoredCopy, nint, bool> matches) => _matches = matches;

    /// <summary>Whether the memory has the copy's bytes when the kernels before <paramref name="after"/> have finished.</summary>
    /// <param name="copy">Nothing may change it before the task has ended.</param>
    /// <param name="source">Address of its bytes.</param>
    /// <param name="after">Recorded, and not to be recorded again before the task has ended; null: the bytes are there.</param>
    /// <returns>Its continuations run on the thread and must not block. Fails where the kernels did, or the comparison.</returns>
    public Task<bool> Begin(StoredCopy copy, nint source, TransferFence? after)
    {
        var comparison = new Comparison(copy, source, after, new TaskCompletionSource<bool>());
        lock (_lock)
        {
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "TeraIO comparisons" };
                _thread.Start();
            }
            _waiting.Enqueue(comparison);
        }
        _work.Set();
        return comparison.End.Task;
    }

    public void Dispose()
    {
        lock (_lock)
            _isStopping = true;
        _work.Set();
        _thread?.Join();
        _work.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            Comparison next;
            bool hasNext;
            lock (_lock)
            {
                hasNext = _waiting.TryDequeue(out next);
                if (!hasNext && _isStopping)
                    return;
            }
            if (hasNext)
                Compare(next);
            else
                _work.WaitOne();
        }
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1031", Justification = "Whoever waits for the comparison hears of it; the others depend on this thread.")]
    private void Compare(Comparison next)
    {
        bool isSame;
        try
        {
            next.After?.Wait(Timeout.InfiniteTimeSpan);
            isSame = _matches(next.Copy, next.Source);
        }
        catch (Exception e)
        {
            next.End.SetException(e);
            return;
        }
        next.End.SetResult(isSame);
    }
}

using TeraIO.Core.Transfers;

namespace TeraIO.TestSupport;

/// <summary>Test double: a backend whose reads stand still while it holds them, and then go on or fail as the test says; all else reaches the real one.</summary>
internal sealed class HeldReadsBackend(ITransferBackend inner) : ITransferBackend
{
    private const int ErrnoIo = 5;

    private readonly Lock _lock = new();
    private readonly List<BackendRequest> _held = [];
    private readonly Queue<BackendCompletion> _ready = new();
    private bool _holds;
    private int _failures;

    public string Name => $"{inner.Name} with held reads";

    /// <summary>Reads that stand still now.</summary>
    public int Held
    {
        get
        {
            lock (_lock) return _held.Count;
        }
    }

    /// <summary>Whether a read into this memory stands still.</summary>
    public bool HoldsReadInto(nint address, long bytes)
    {
        lock (_lock) return _held.Exists(request => request.Memory >= address && request.Memory < address + (nint)bytes);
    }

    /// <summary>Reads that are submitted from now on stand still.</summary>
    public void Hold()
    {
        lock (_lock) _holds = true;
    }

    /// <summary>So many reads fail when they would begin, those that stand still first.</summary>
    public void FailNext(int reads)
    {
        lock (_lock) _failures = reads;
    }

    /// <summary>Lets all reads go.</summary>
    public void Go()
    {
        List<BackendRequest> held;
        lock (_lock)
        {
            _holds = false;
            held = [.. _held];
            _held.Clear();
        }

        foreach (BackendRequest request in held)
        {
            TransferStatus status = Begin(request);
            if (status != TransferStatus.Ok) Answer(request.Token, status);
        }
    }

    public TransferFile CreateFile(string path) => inner.CreateFile(path);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason) => inner.Allocate(file, size, out reason);

    public TransferStatus Submit(in BackendRequest request)
    {
        lock (_lock)
        {
            if (request.Direction == TransferDirection.Read && _holds)
            {
                _held.Add(request);
                return TransferStatus.Ok;
            }
        }

        return Begin(request);
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        count = TakeReady(completions);
        return count > 0 ? TransferStatus.Ok : inner.Wait(completions, out count);
    }

    public void Wake() => inner.Wake();

    public void Cancel(ulong token)
    {
        lock (_lock)
        {
            if (_held.RemoveAll(request => request.Token == token) == 0)
            {
                inner.Cancel(token);
                return;
            }
        }

        Answer(token, TransferStatus.Canceled);
    }

    public void Dispose() => inner.Dispose();

    private TransferStatus Begin(in BackendRequest request)
    {
        if (request.Direction == TransferDirection.Read)
        {
            lock (_lock)
            {
                if (_failures > 0)
                {
                    _failures--;
                    Answer(request.Token, TransferStatus.IoError);
                    return TransferStatus.Ok;
                }
            }
        }

        return inner.Submit(request);
    }

    private void Answer(ulong token, TransferStatus status)
    {
        lock (_lock) _ready.Enqueue(new BackendCompletion(token, status, status == TransferStatus.IoError ? ErrnoIo : 0, Bytes: 0, LatencyNanoseconds: 0));
        inner.Wake();
    }

    private int TakeReady(Span<BackendCompletion> completions)
    {
        lock (_lock)
        {
            int count = 0;
            while (count < completions.Length && _ready.TryDequeue(out BackendCompletion completion)) completions[count++] = completion;
            return count;
        }
    }
}

using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.TestSupport;

/// <summary>Test double: a backend whose operations go wrong as a <see cref="FaultPlan"/> says; all others reach the real one.</summary>
internal sealed class FaultInjectingBackend(ITransferBackend inner, FaultPlan plan) : ITransferBackend
{
    private const int ErrnoIo = 5;
    private const int ErrnoNoSpace = 28;

    private readonly Lock _lock = new();
    private readonly Queue<BackendCompletion> _ready = new();
    private readonly List<BackendCompletion> _held = [];
    private readonly Dictionary<ulong, (BackendRequest Request, FaultKind? Fault)> _forwarded = [];

    public string Name => $"{inner.Name} with faults";

    public TransferFile CreateFile(string path) => inner.CreateFile(path);

    public TransferStatus Allocate(TransferFile file, long size, out string? reason)
    {
        if (!plan.NextAllocationFails())
            return inner.Allocate(file, size, out reason);
        reason = "injected: no space left on device";
        return TransferStatus.Full;
    }

    public TransferStatus Submit(in BackendRequest request)
    {
        var fault = plan.Next(request);
        switch (fault)
        {
            case FaultKind.IoError:
                return Answer(request, TransferStatus.IoError, ErrnoIo, bytes: 0);
            case FaultKind.DeviceError:
                return Answer(request, TransferStatus.DeviceError, plan.DeviceErrorCode, bytes: 0);
            case FaultKind.NoSpace:
                return Answer(request, TransferStatus.Full, ErrnoNoSpace, bytes: 0);
            case FaultKind.LostWrite:
                return Answer(request, TransferStatus.Ok, systemErrno: 0, request.Length);
            case FaultKind.MisdirectedWrite:
                return Forward(request, request with { Offset = AnotherOffset(request.Offset) }, fault);
            case FaultKind.TornWrite:
                long landed = plan.Choose((request.Length - 1) / StoreOptions.BlockBytes + 1) * StoreOptions.BlockBytes;
                return landed == 0
                    ? Answer(request, TransferStatus.Ok, systemErrno: 0, request.Length)
                    : Forward(request, request with { Length = landed }, fault);
            case FaultKind.ShortTransfer:
                return request.Length == 1
                    ? Answer(request, TransferStatus.ShortTransfer, systemErrno: 0, bytes: 0)
                    : Forward(request, request with { Length = request.Length / 2 }, fault);
            default:
                return Forward(request, request, fault);
        }
    }

    public TransferStatus Wait(Span<BackendCompletion> completions, out int count)
    {
        count = TakeReady(completions);
        if (count > 0)
            return TransferStatus.Ok;
        var status = inner.Wait(completions, out int arrived);
        lock (_lock)
        {
            foreach (ref readonly var completion in completions[..arrived])
                Arrive(completion);
        }
        count = TakeReady(completions);
        return status;
    }

    public void Wake() => inner.Wake();

    public void Cancel(ulong token) => inner.Cancel(token);

    public void Dispose() => inner.Dispose();

    private TransferStatus Answer(in BackendRequest request, TransferStatus status, int systemErrno, long bytes)
    {
        lock (_lock)
            _ready.Enqueue(new BackendCompletion(request.Token, status, systemErrno, bytes, LatencyNanoseconds: 0));
        inner.Wake();
        return TransferStatus.Ok;
    }

    private TransferStatus Forward(in BackendRequest asked, in BackendRequest sent, FaultKind? fault)
    {
        lock (_lock)
            _forwarded.Add(asked.Token, (asked, fault));
        var status = inner.Submit(sent);
        if (status != TransferStatus.Ok)
        {
            lock (_lock)
                _forwarded.Remove(asked.Token);
        }
        return status;
    }

    private long AnotherOffset(long offset) =>
        offset == 0 ? StoreOptions.BlockBytes : plan.Choose(offset / StoreOptions.BlockBytes) * StoreOptions.BlockBytes;

    private void Arrive(in BackendCompletion completion)
    {
        _forwarded.Remove(completion.Token, out var sent);
        var told = completion.Status == TransferStatus.Ok ? Pretend(sent.Request, sent.Fault, completion) : completion;
        if (!plan.ReordersCompletions)
        {
            _ready.Enqueue(told);
            return;
        }
        _held.Add(told);
        // Held back only while others are on their way: one of those will come and let them go.
        while (_held.Count > 0 && (_forwarded.Count == 0 || plan.Choose(3) == 0))
        {
            int chosen = (int)plan.Choose(_held.Count);
            _ready.Enqueue(_held[chosen]);
            _held.RemoveAt(chosen);
        }
    }

    private unsafe BackendCompletion Pretend(in BackendRequest asked, FaultKind? fault, in BackendCompletion completion)
    {
        switch (fault)
        {
            case FaultKind.MisdirectedWrite or FaultKind.TornWrite:
                return completion with { Bytes = asked.Length };
            case FaultKind.ShortTransfer:
                return completion with { Status = TransferStatus.ShortTransfer };
            case FaultKind.BitFlipOnRead:
                long bit = plan.Choose(asked.Length * 8);
                ((byte*)asked.Memory)[bit / 8] ^= (byte)(1 << (int)(bit % 8));
                return completion;
            default:
                return completion;
        }
    }

    private int TakeReady(Span<BackendCompletion> completions)
    {
        lock (_lock)
        {
            int count = 0;
            while (count < completions.Length && _ready.TryDequeue(out var completion))
                completions[count++] = completion;
            return count;
        }
    }
}

using TeraIO.Core.Transfers;

namespace TeraIO.TestSupport;

/// <summary>
/// Which operations go wrong, and how: shared by the <see cref="FaultInjectingBackend"/>s of all paths of a store, so that operations are
/// numbered over the whole store, from 1. An operation is a submitted transfer or a preallocation that the fault can hit: reads for
/// <see cref="FaultKind.BitFlipOnRead"/>, writes for the write faults. Thread-safe; the same seed gives the same choices.
/// </summary>
public sealed class FaultPlan
{
    private readonly Lock _lock = new();
    private readonly Random _random;
    private readonly List<BadRange> _badRanges = [];
    private readonly FaultKind? _kind;
    private readonly long _operation;
    private readonly bool _forever;

    private FaultPlan(FaultKind? kind, long operation, bool forever, int seed)
    {
        _kind = kind;
        _operation = operation;
        _forever = forever;
        _random = new Random(seed);
    }

    private readonly record struct BadRange(string PathPart, long Start, long End, bool Reads, bool Writes, FaultKind Kind);

    /// <summary>Operations so far that the fault could have hit.</summary>
    public long Operations { get; private set; }

    /// <summary>Faults injected so far.</summary>
    public long FaultsFired { get; private set; }

    /// <summary>Hold completions back and hand them over in another order.</summary>
    public bool ReordersCompletions { get; init; }

    /// <summary>Of <see cref="FaultKind.DeviceError"/>: cuFile's code, or a CUresult.</summary>
    public int DeviceErrorCode { get; set; }

    /// <summary>Nothing goes wrong, until <see cref="AddBadRange"/>.</summary>
    public static FaultPlan None(int seed = 1) => new(kind: null, operation: 0, forever: false, seed);

    /// <summary>Operations come back in another order than they were sent; all succeed.</summary>
    public static FaultPlan Reordering(int seed) => new(kind: null, operation: 0, forever: false, seed) { ReordersCompletions = true };

    /// <summary>The <paramref name="operation"/>-th operation goes wrong, once or with all that follow.</summary>
    public static FaultPlan Nth(FaultKind kind, long operation, bool forever = false, int seed = 1) => new(kind, operation, forever, seed);

    /// <summary>Transfers that touch this range of a file whose path contains <paramref name="pathPart"/> fail, with EIO or another kind that moves nothing, always.</summary>
    public void AddBadRange(string pathPart, long start, long end, bool reads = true, bool writes = true, FaultKind kind = FaultKind.IoError)
    {
        lock (_lock)
            _badRanges.Add(new BadRange(pathPart, start, end, reads, writes, kind));
    }

    /// <summary>The fault of this transfer, or null.</summary>
    internal FaultKind? Next(in BackendRequest request)
    {
        bool isRead = request.Direction == TransferDirection.Read;
        lock (_lock)
        {
            foreach (var range in _badRanges)
            {
                if ((isRead ? range.Reads : range.Writes) && request.Offset < range.End && range.Start < request.Offset + request.Length
                    && request.File.Path.Contains(range.PathPart, StringComparison.Ordinal))
                {
                    FaultsFired++;
                    return range.Kind;
                }
            }
            return CanHit(isRead) && Fires() ? _kind : null;
        }
    }

    /// <summary>Whether this preallocation finds the disk full.</summary>
    internal bool NextAllocationFails()
    {
        lock (_lock)
            return _kind == FaultKind.NoSpace && Fires();
    }

    internal long Choose(long exclusiveMaximum)
    {
        lock (_lock)
            return _random.NextInt64(exclusiveMaximum);
    }

    private bool CanHit(bool isRead) => _kind switch
    {
        null => false,
        FaultKind.IoError or FaultKind.DeviceError or FaultKind.ShortTransfer => true,
        FaultKind.BitFlipOnRead => isRead,
        _ => !isRead,
    };

    private bool Fires()
    {
        Operations++;
        if (Operations != _operation && !(_forever && Operations > _operation))
            return false;
        FaultsFired++;
        return true;
    }
}

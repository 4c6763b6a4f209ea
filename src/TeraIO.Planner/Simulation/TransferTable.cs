using TeraIO.Core.Plans;

namespace TeraIO.Planner.Simulation;

/// <summary>What there is to know of one transfer that is waiting or in flight.</summary>
internal struct TransferEntry
{
    public int Piece;
    public long Bytes;
    public double Remaining;
    public double ReadyAt; // its first byte can move
    public double Issued;
    public double Started; // its first byte moved; NaN before
    public MemoryTier Tier;
    public bool IsWrite;
    public bool IsPlanned;
    public bool IsUrgent;
    public bool IsOrphan; // its tensor was freed: the memory goes when it ends
    public bool IsOfRound; // a waiting op evicts with it
    public bool IsEvictedToHost; // counts as such until it ends, if its tensor is freed meanwhile
    public bool IsOfThisIteration;
}

/// <summary>The transfers that are waiting or in flight; their numbers are used again.</summary>
internal sealed class TransferTable
{
    private TransferEntry[] _entries = new TransferEntry[64];
    private int[] _free = new int[64];
    private int _freeCount;
    private int _used;

    public ref TransferEntry this[int transfer] => ref _entries[transfer];

    public int Count => _used - _freeCount;

    public int Add(in TransferEntry entry)
    {
        int transfer;
        if (_freeCount > 0)
        {
            transfer = _free[--_freeCount];
        }
        else
        {
            if (_used == _entries.Length)
            {
                Array.Resize(ref _entries, 2 * _used);
                Array.Resize(ref _free, 2 * _used);
            }

            transfer = _used++;
        }

        _entries[transfer] = entry;
        return transfer;
    }

    public void Remove(int transfer) => _free[_freeCount++] = transfer;
}

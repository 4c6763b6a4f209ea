namespace TeraIO.Core.Storage;

/// <summary>
/// Hands out ranges of [0, <see cref="Capacity"/>) that never overlap. Best fit, lowest offset among equals; free
/// neighbours are joined. Every operation is O(log n) in the number of ranges. Not thread-safe.
/// </summary>
internal sealed class ExtentAllocator
{
    // One tree per question asked: what is large enough, and what lies next to this offset.
    private readonly SortedSet<(long Length, long Offset)> _freeByLength = [];
    private readonly SortedSet<(long Offset, long Length)> _freeByOffset = [];
    private readonly Dictionary<long, long> _allocated = [];

    /// <summary>Bytes under management.</summary>
    public long Capacity { get; private set; }

    /// <summary>Bytes not handed out.</summary>
    public long FreeBytes { get; private set; }

    /// <summary>Bytes handed out.</summary>
    public long AllocatedBytes => Capacity - FreeBytes;

    /// <summary>Number of separate free ranges.</summary>
    public int FreeRanges => _freeByOffset.Count;

    /// <summary>The longest extent that can be had now, in bytes.</summary>
    public long LargestFree => _freeByLength.Count == 0 ? 0 : _freeByLength.Max.Length;

    /// <summary>The size of the extent that holds <paramref name="bytes"/>.</summary>
    public static long RoundUp(long bytes) => checked(bytes + (StoreOptions.BlockBytes - 1)) & ~(StoreOptions.BlockBytes - 1L);

    /// <summary>Of <paramref name="bytes"/>, which are not negative, what whole blocks hold.</summary>
    public static long RoundDown(long bytes) => bytes & ~(StoreOptions.BlockBytes - 1L);

    /// <summary>Adds the bytes from the old capacity up to <paramref name="capacity"/>.</summary>
    public void GrowTo(long capacity)
    {
        RequireBlocks(capacity, nameof(capacity));
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, Capacity);
        long added = capacity - Capacity;
        if (added == 0)
            return;
        long offset = Capacity;
        Capacity = capacity;
        AddFree(offset, added);
    }

    /// <summary>Takes an extent of exactly <paramref name="length"/> bytes; <see langword="false"/> if no free range is that long.</summary>
    public bool TryAllocate(long length, out long offset)
    {
        RequireBlocks(length, nameof(length));
        offset = 0;
        if (LargestFree < length)
            return false;
        var (foundLength, foundOffset) = _freeByLength.GetViewBetween((length, 0), (long.MaxValue, long.MaxValue)).Min;
        RemoveRange(foundOffset, foundLength);
        if (foundLength > length)
            AddRange(foundOffset + length, foundLength - length);
        FreeBytes -= length;
        _allocated.Add(foundOffset, length);
        offset = foundOffset;
        return true;
    }

    /// <summary>Gives back the extent that <see cref="TryAllocate"/> placed at <paramref name="offset"/>.</summary>
    /// <exception cref="InvalidOperationException">There is none: a defect of the caller that would make two tensors share bytes.</exception>
    public void Free(long offset)
    {
        if (!_allocated.Remove(offset, out long length))
            throw new InvalidOperationException($"No extent begins at offset {offset}: it was never allocated or already freed.");
        AddFree(offset, length);
    }

    private void AddFree(long offset, long length)
    {
        FreeBytes += length;
        long start = offset;
        long end = offset + length;
        if (TryFindBefore(offset, out var before) && before.Offset + before.Length == start)
        {
            RemoveRange(before.Offset, before.Length);
            start = before.Offset;
        }
        if (TryFindAfter(offset, out var after) && after.Offset == end)
        {
            RemoveRange(after.Offset, after.Length);
            end += after.Length;
        }
        AddRange(start, end - start);
    }

    private bool TryFindBefore(long offset, out (long Offset, long Length) range)
    {
        range = default;
        if (_freeByOffset.Count == 0 || _freeByOffset.Min.Offset >= offset)
            return false;
        range = _freeByOffset.GetViewBetween((0, 0), (offset, 0)).Max;
        return true;
    }

    private bool TryFindAfter(long offset, out (long Offset, long Length) range)
    {
        range = default;
        if (_freeByOffset.Count == 0 || _freeByOffset.Max.Offset <= offset)
            return false;
        range = _freeByOffset.GetViewBetween((offset, 0), (long.MaxValue, long.MaxValue)).Min;
        return true;
    }

    private void AddRange(long offset, long length)
    {
        _freeByOffset.Add((offset, length));
        _freeByLength.Add((length, offset));
    }

    private void RemoveRange(long offset, long length)
    {
        _freeByOffset.Remove((offset, length));
        _freeByLength.Remove((length, offset));
    }

    private static void RequireBlocks(long bytes, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes, name);
        if (bytes % StoreOptions.BlockBytes != 0)
            throw new ArgumentException($"{bytes} is not a multiple of {StoreOptions.BlockBytes} bytes.", name);
    }
}

namespace TeraIO.Core.Residency;

/// <summary>
/// The idle blocks, least recently used first, as an intrusive list: no allocation, every operation O(1). Not thread-safe.
/// </summary>
internal sealed class LruList
{
    private TensorBlock? _first;
    private TensorBlock? _last;

    /// <summary>Bytes of all listed blocks: what could leave memory now.</summary>
    public long Bytes { get; private set; }

    /// <summary>The least recently used block.</summary>
    public TensorBlock? First => _first;

    /// <summary>Appends as most recently used; does nothing when listed.</summary>
    public void Add(TensorBlock block)
    {
        if (block.IsListed) return;
        block.IsListed = true;
        block.Previous = _last;
        block.Following = null;
        if (_last is null) _first = block;
        else _last.Following = block;
        _last = block;
        Bytes += block.Bytes;
    }

    /// <summary>Takes a block out; does nothing when it is not listed.</summary>
    public void Remove(TensorBlock block)
    {
        if (!block.IsListed) return;
        if (block.Previous is null) _first = block.Following;
        else block.Previous.Following = block.Following;
        if (block.Following is null) _last = block.Previous;
        else block.Following.Previous = block.Previous;
        block.Previous = block.Following = null;
        block.IsListed = false;
        Bytes -= block.Bytes;
    }
}

namespace TeraIO.Planner.Simulation;

/// <summary>A first-in, first-out queue of numbers that grows as needed and allocates only then.</summary>
internal sealed class IntRing
{
    private int[] _items = new int[16];
    private int _first;

    public int Count { get; private set; }

    /// <summary>The item at a place counted from the front.</summary>
    public int this[int index] => _items[(_first + index) & (_items.Length - 1)];

    public void Add(int item)
    {
        if (Count == _items.Length) Grow();
        _items[(_first + Count++) & (_items.Length - 1)] = item;
    }

    public int Take()
    {
        int item = _items[_first];
        _first = (_first + 1) & (_items.Length - 1);
        Count--;
        return item;
    }

    private void Grow()
    {
        var larger = new int[_items.Length * 2];
        for (int i = 0; i < Count; i++) larger[i] = this[i];
        _items = larger;
        _first = 0;
    }
}

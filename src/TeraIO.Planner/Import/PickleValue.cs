using System.Text;

namespace TeraIO.Planner.Import;

/// <summary>What a <see cref="PickleValue"/> is.</summary>
internal enum PickleKind : byte
{
    /// <summary>Python's None.</summary>
    None,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>A whole number of 64 bits.</summary>
    Integer,

    /// <summary>A whole number that has more than 64 bits; its value is not kept.</summary>
    LargeInteger,

    /// <summary>A double.</summary>
    Real,

    /// <summary>A string.</summary>
    Text,

    /// <summary>A list or tuple.</summary>
    List,

    /// <summary>A dictionary: keys and values in turn.</summary>
    Dictionary,

    /// <summary>Where a group of values on the stack begins.</summary>
    Mark,
}

/// <summary>A value of the small part of pickle that has no classes. Lists and dictionaries are shared by reference, as in Python.</summary>
internal readonly struct PickleValue
{
    private const int MostKeys = 2 * 64;

    private readonly long _bits;

    /// <summary>A text, items, or for other kinds one of <see cref="_tags"/>: the kind costs no room of its own.</summary>
    private readonly object? _reference;

    private sealed class Tag(PickleKind kind)
    {
        public PickleKind Kind { get; } = kind;
    }

    private sealed class ItemsOf(PickleKind kind) : List<PickleValue>
    {
        public PickleKind Kind { get; } = kind;
    }

    private static readonly Tag[] _tags = [.. Enum.GetValues<PickleKind>().Select(static kind => new Tag(kind))];

    private PickleValue(PickleKind kind, long bits)
    {
        _bits = bits;
        _reference = _tags[(int)kind];
    }

    private PickleValue(object reference) => _reference = reference;

    public PickleKind Kind => _reference switch
    {
        null => PickleKind.None,
        string => PickleKind.Text,
        ItemsOf items => items.Kind,
        Tag tag => tag.Kind,
        _ => throw new InvalidOperationException(),
    };

    public static PickleValue Mark => new(PickleKind.Mark, 0);

    public static PickleValue LargeInteger => new(PickleKind.LargeInteger, 0);

    public static PickleValue Boolean(bool value) => new(PickleKind.Boolean, value ? 1 : 0);

    public static PickleValue Integer(long value) => new(PickleKind.Integer, value);

    public static PickleValue Real(double value) => new(PickleKind.Real, BitConverter.DoubleToInt64Bits(value));

    public static PickleValue Text(string value) => new(value);

    public static PickleValue List(ReadOnlySpan<PickleValue> items) => new(Filled(PickleKind.List, items));

    public static PickleValue Dictionary(ReadOnlySpan<PickleValue> keysAndValues) => new(Filled(PickleKind.Dictionary, keysAndValues));

    /// <summary>Of a list; or keys and values in turn of a dictionary; empty for anything else.</summary>
    public List<PickleValue> Items => _reference as List<PickleValue> ?? [];

    /// <summary>Of a text; null for anything else.</summary>
    public string? AsText => _reference as string;

    /// <summary>Of a whole number; null for anything else.</summary>
    public long? AsInteger => Kind == PickleKind.Integer ? _bits : null;

    /// <summary>
    /// The value under a key of a dictionary (the last one, as in Python); None when there is none. Dictionaries of more than 64 keys, which
    /// snapshots do not have where this looks, are taken for empty: searching one a million times must not take an hour.
    /// </summary>
    public PickleValue this[string key]
    {
        get
        {
            List<PickleValue> items = Items;
            if (Kind != PickleKind.Dictionary || items.Count > MostKeys) return default;
            for (int i = items.Count - 2; i >= 0; i -= 2)
            {
                if (items[i].AsText == key) return items[i + 1];
            }

            return default;
        }
    }

    /// <summary>For messages; nothing of what it contains.</summary>
    public override string ToString() => Kind switch
    {
        PickleKind.Integer => _bits.ToString(System.Globalization.CultureInfo.InvariantCulture),
        PickleKind.Text => $"\"{(AsText!.Length > 40 ? string.Concat(AsText.AsSpan(0, 40), "...") : AsText)}\"",
        _ => new StringBuilder("a ").Append(Kind.ToString().ToLowerInvariant()).ToString(),
    };

    private static ItemsOf Filled(PickleKind kind, ReadOnlySpan<PickleValue> items)
    {
        var list = new ItemsOf(kind);
        if (!items.IsEmpty) list.AddRange(items);
        return list;
    }
}

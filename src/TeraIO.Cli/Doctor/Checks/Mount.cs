namespace TeraIO.Cli.Doctor.Checks;

/// <summary>A mounted file system, one line of mountinfo.</summary>
/// <param name="Point">Where it is mounted.</param>
/// <param name="Device">Major and minor number, such as <c>259:1</c>.</param>
/// <param name="Type">Such as <c>ext4</c>.</param>
/// <param name="Source">Such as <c>/dev/nvme0n1p1</c>.</param>
/// <param name="Options">Of this mount and of the file system together.</param>
internal sealed record Mount(string Point, string Device, string Type, string Source, IReadOnlyList<string> Options)
{
    public bool Has(string option) => Options.Contains(option, StringComparer.Ordinal);

    /// <summary>The value of an option such as <c>data=ordered</c>; null when it is not given.</summary>
    public string? Option(string name) => Options.FirstOrDefault(o => o.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
}

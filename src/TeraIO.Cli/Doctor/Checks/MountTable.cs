using System.Text;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>What is mounted where.</summary>
internal sealed class MountTable(IReadOnlyList<Mount> mounts)
{
    public const string Source = "/proc/self/mountinfo";
    private const int MostBytes = 4 << 20;

    public static MountTable Of(MachineFiles files) => new([.. files.Read(Source, MostBytes).Lines.Select(Parse).OfType<Mount>()]);

    /// <summary>
    /// The mount that a path without links lies in: whole components count, so that /mnt/ab is not in /mnt/a, and of several mounts on one
    /// place the last one hides the others.
    /// </summary>
    public Mount? Of(string canonicalPath)
    {
        Mount? best = null;
        foreach (Mount mount in mounts)
        {
            bool isIn = mount.Point == "/" || canonicalPath == mount.Point || canonicalPath.StartsWith(mount.Point + "/", StringComparison.Ordinal);
            if (isIn && (best is null || mount.Point.Length >= best.Point.Length)) best = mount;
        }

        return best;
    }

    /// <summary>proc(5): id parent major:minor root point options tags... - type source options.</summary>
    private static Mount? Parse(string line)
    {
        string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int separator = Array.IndexOf(fields, "-");
        if (separator < 6 || fields.Length < separator + 3) return null;
        string[] options = [.. fields[5].Split(','), .. fields.Length > separator + 3 ? fields[separator + 3].Split(',') : []];
        return new Mount(Unescape(fields[4]), fields[2], fields[separator + 1], Unescape(fields[separator + 2]), [.. options.Distinct(StringComparer.Ordinal)]);
    }

    /// <summary>Blanks in names are written as \040 and the like.</summary>
    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal)) return text;
        var plain = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            bool isEscape = text[i] == '\\' && i + 3 < text.Length && text.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0;
            if (isEscape)
            {
                plain.Append((char)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                plain.Append(text[i]);
            }
        }

        return plain.ToString();
    }
}

using System.Globalization;
using System.Text;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>What TorchSharp needs: libstdc++ and libtorch. Looks at files; nothing is loaded, since a libtorch for another processor would end the process.</summary>
internal static class RuntimeChecks
{
    /// <summary>The libtorch that TorchSharp 0.107 and TeraIO's observer are made for.</summary>
    private const string Supported = "2.10";

    /// <summary>What TorchSharp 0.107's libLibTorchSharp.so asks for.</summary>
    private const int LeastGlibcxx = 32;

    private const string LibTorchVariable = "TERAIO_LIBTORCH";
    private const string Library = "libtorch_cpu.so";
    private const long ScanBytes = 64L << 20;

    public static ReportSection Run(Machine machine) => new("Libraries", [StandardLibrary(machine), .. LibTorch(machine)]);

    private static Finding StandardLibrary(Machine machine)
    {
        const string Name = "libstdc++";
        string? path = ((string[])["/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib64/libstdc++.so.6", "/usr/lib/libstdc++.so.6", "/lib64/libstdc++.so.6", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6"]).FirstOrDefault(machine.Files.Exists);
        if (path is null) return Finding.Red(Name, "not found", "Install it: 'apt-get install libstdc++6' or 'dnf install libstdc++'.", "/usr/lib");
        int level = Level(machine.Files, path);
        if (level < 0) return Finding.Yellow(Name, "its version cannot be read", "Look whether the file is a library.", path);
        return level >= LeastGlibcxx
            ? Finding.Green(Name, $"GLIBCXX_3.4.{level}", path)
            : Finding.Yellow(
                Name,
                $"GLIBCXX_3.4.{level}; TorchSharp 0.107 asks for 3.4.{LeastGlibcxx}",
                "Nothing to do: TeraIO loads a relaxed copy of TorchSharp's library. A newer system (Ubuntu 24.04, Debian 13) needs none.",
                path);
    }

    /// <summary>The highest GLIBCXX_3.4.N that a library names; -1 when it names none.</summary>
    internal static int Level(MachineFiles files, string path)
    {
        byte[] prefix = "GLIBCXX_3.4."u8.ToArray();
        int highest = -1;
        files.Scan(path, prefix.Length + 4, ScanBytes, piece =>
        {
            ReadOnlySpan<byte> rest = piece.Span;
            for (int found = rest.IndexOf(prefix); found >= 0; found = rest.IndexOf(prefix))
            {
                rest = rest[(found + prefix.Length)..];
                int digits = rest.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
                if (digits is > 0 and <= 3) highest = Math.Max(highest, int.Parse(Encoding.ASCII.GetString(rest[..digits]), CultureInfo.InvariantCulture));
            }

            return true;
        });
        return highest;
    }

    private static IEnumerable<Finding> LibTorch(Machine machine)
    {
        const string Name = "libtorch";
        if (machine.Environment(LibTorchVariable) is { } named)
        {
            string? folder = ((string[])[named, named.TrimEnd('/') + "/lib"]).FirstOrDefault(f => machine.Files.Exists($"{f}/{Library}"));
            yield return folder is null
                ? Finding.Red(Name, $"{LibTorchVariable} names {named}, which holds no {Library}", "Name the directory that holds it (such as torch/lib of a pip PyTorch), or unset the variable.", LibTorchVariable)
                : Judge(Name, PipVersion(machine.Files, folder), folder, isChosen: true);
            yield break;
        }

        (string Folder, string? Version)[] found = [.. NuGet(machine), .. Pip(machine)];
        if (found.Length == 0)
        {
            yield return Finding.NotApplicable(Name, "none on disk; a training program brings its own", "NuGet cache, Python's packages");
            yield break;
        }

        for (int i = 0; i < found.Length; i++) yield return Judge(i == 0 ? Name : $"{Name} {i + 1}", found[i].Version, found[i].Folder, isChosen: false);
    }

    private static Finding Judge(string name, string? version, string folder, bool isChosen)
    {
        string text = $"{version ?? "unknown version"} at {folder}";
        if (version is not null && (version == Supported || version.StartsWith(Supported + ".", StringComparison.Ordinal))) return Finding.Green(name, text, folder);
        return isChosen
            ? Finding.Yellow(name, text, $"TeraIO knows libtorch {Supported} and refuses others when a session attaches; unset {LibTorchVariable} to use the one of NuGet.", LibTorchVariable, folder)
            : Finding.NotApplicable(name, $"{text}; TeraIO works with {Supported}", folder);
    }

    private static IEnumerable<(string Folder, string? Version)> NuGet(Machine machine)
    {
        string? cache = machine.Environment("NUGET_PACKAGES") ?? (machine.Environment("HOME") is { } home ? home + "/.nuget/packages" : null);
        if (cache is null) yield break;
        foreach (string package in machine.Files.Names(cache).Where(static n => n.StartsWith("libtorch-", StringComparison.Ordinal) && n.EndsWith("linux-x64", StringComparison.Ordinal)))
        {
            foreach (string version in machine.Files.Names($"{cache}/{package}"))
            {
                string folder = $"{cache}/{package}/{version}/runtimes/linux-x64/native";
                if (machine.Files.Exists($"{folder}/{Library}")) yield return (folder, version);
            }
        }
    }

    private static IEnumerable<(string Folder, string? Version)> Pip(Machine machine) =>
        LibraryFolders.SitePackages(machine).Select(static s => s + "/torch/lib").Where(f => machine.Files.Exists($"{f}/{Library}")).Select(f => (f, PipVersion(machine.Files, f)));

    /// <summary>What torch/version.py beside torch/lib says.</summary>
    private static string? PipVersion(MachineFiles files, string folder) => files.Read($"{folder}/../version.py").Field("__version__")?.Trim('\'', '"');
}

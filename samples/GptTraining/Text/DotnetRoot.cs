using System.Runtime.InteropServices;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>Finds the .NET installation whose API documentation is the default training text.</summary>
internal static class DotnetRoot
{
    /// <summary>The documentation files under <c>packs</c>, in ordinal order of their relative paths.</summary>
    /// <exception cref="ConfigurationException">No installation with documentation is found.</exception>
    public static IReadOnlyList<string> DocumentationFiles(IEnumerable<string> candidates)
    {
        var tried = new List<string>();
        foreach (var root in candidates.Where(c => c.Length > 0).Select(Path.GetFullPath).Distinct())
        {
            tried.Add(root);
            var packs = Path.Combine(root, "packs");
            if (!Directory.Exists(packs))
                continue;
            var files = Directory.EnumerateFiles(packs, "*.xml", SearchOption.AllDirectories).ToList();
            if (files.Count == 0)
                continue;
            files.Sort(StringComparer.Ordinal);
            return files;
        }
        throw new ConfigurationException(
            $"No API documentation (packs/**/*.xml of a .NET SDK) found under {string.Join(", ", tried)}. "
            + "Set DOTNET_ROOT to an SDK's directory, or train on a text of your own with --data FILE.");
    }

    /// <summary>Where an installation may be: DOTNET_ROOT, the one that runs this process, the <c>dotnet</c> on PATH.</summary>
    public static IEnumerable<string> Candidates()
    {
        yield return Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "";
        // <root>/shared/Microsoft.NETCore.App/<version>/
        yield return Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..");
        foreach (var directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            var dotnet = new FileInfo(Path.Combine(directory, "dotnet"));
            if (dotnet.Exists)
                yield return Path.GetDirectoryName(dotnet.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? dotnet.FullName)!;
        }
    }
}

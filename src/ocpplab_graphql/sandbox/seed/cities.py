"""
The places of the demo world: real cities with true coordinates, real quarters and streets.

A line per city: name, country, latitude, longitude, then four sites as "quarter|street and number".
"""

from typing import NamedTuple

__all__ = ["CITIES", "City"]


class City(NamedTuple):
    """A city, WGS 84, and its sites as (name of the site, address)."""

    name: str
    country: str
    latitude: float
    longitude: float
    sites: tuple[tuple[str, str], ...]


_FRANCE_AND_SOUTH = """
Paris;FR;48.8566;2.3522;Bercy|12 Rue de Bercy;Montparnasse|33 Avenue du Maine;Porte Maillot|2 Place de la Porte Maillot;Gare de Lyon|193 Rue de Bercy
Lyon;FR;45.7640;4.8357;Part-Dieu|17 Rue du Docteur Bouchut;Bellecour|1 Place Bellecour;Confluence|112 Cours Charlemagne;Perrache|14 Cours de Verdun
Marseille;FR;43.2965;5.3698;Vieux-Port|23 Quai de Rive Neuve;La Joliette|10 Place de la Joliette;Castellane|6 Place Castellane;Prado|118 Avenue du Prado
Toulouse;FR;43.6047;1.4442;Capitole|8 Place du Capitole;Jean Jaurès|44 Allées Jean Jaurès;Matabiau|64 Boulevard Pierre Semard;Compans-Caffarelli|11 Boulevard Lascrosses
Nice;FR;43.7102;7.2620;Masséna|5 Place Masséna;Gare Thiers|12 Avenue Thiers;Promenade|27 Promenade des Anglais;Garibaldi|3 Place Garibaldi
Nantes;FR;47.2184;-1.5536;Commerce|2 Place du Commerce;Gare Sud|27 Rue de Lourmel;Graslin|4 Place Graslin;Cité des Congrès|5 Rue de Valmy
Bordeaux;FR;44.8378;-0.5792;Gambetta|14 Place Gambetta;Saint-Jean|21 Rue Charles Domercq;Mériadeck|57 Rue Claude Bonnier;Quinconces|8 Allées de Munich
Lille;FR;50.6292;3.0573;Euralille|100 Avenue Willy Brandt;Grand Place|19 Place du Général de Gaulle;Lille Flandres|3 Place des Buisses;Vauban|61 Boulevard Vauban
Strasbourg;FR;48.5734;7.7521;Gutenberg|11 Place Gutenberg;Gare Centrale|20 Place de la Gare;Wilson|3 Boulevard du Président Wilson;Étoile|1 Place de l'Étoile
Rennes;FR;48.1173;-1.6778;République|5 Place de la République;Gare Sud|22 Boulevard Solférino;Charles de Gaulle|9 Esplanade Charles de Gaulle;Sainte-Anne|13 Place Sainte-Anne
Montpellier;FR;43.6108;3.8767;Comédie|2 Place de la Comédie;Antigone|35 Rue Léon Blum;Saint-Roch|8 Rue Jules Ferry;Odysseum|44 Place de Lisbonne
Grenoble;FR;45.1885;5.7245;Victor Hugo|7 Place Victor Hugo;Europole|12 Place Robert Schuman;Gare|1 Place de la Gare;Verdun|16 Place de Verdun
Dijon;FR;47.3220;5.0415;Darcy|9 Place Darcy;Gare Ville|16 Cours de la Gare;Clemenceau|3 Boulevard Clemenceau;Sainte-Anne|21 Rue Sainte-Anne
Reims;FR;49.2583;4.0317;Cathédrale|6 Rue Libergier;Erlon|42 Place Drouet d'Erlon;Boulingrin|11 Rue de Mars;Gare Centre|30 Boulevard Joffre
Madrid;ES;40.4168;-3.7038;Atocha|12 Calle de Atocha;Chamartín|4 Calle de Agustín de Foxá;Salamanca|58 Calle de Serrano;Plaza de España|9 Calle de la Princesa
Barcelona;ES;41.3874;2.1686;Eixample|214 Carrer de Mallorca;Sants|6 Plaça dels Països Catalans;Gràcia|31 Carrer Gran de Gràcia;Poblenou|122 Rambla del Poblenou
Valencia;ES;39.4699;-0.3763;Ayuntamiento|5 Plaza del Ayuntamiento;Colón|27 Calle de Colón;Ruzafa|18 Calle de Cádiz;Benimaclet|9 Calle de la Murta
Sevilla;ES;37.3891;-5.9845;Santa Justa|2 Avenida de Kansas City;Nervión|11 Calle Luis de Morales;Triana|44 Calle San Jacinto;Plaza Nueva|3 Plaza Nueva
Bilbao;ES;43.2630;-2.9350;Abando|1 Plaza Circular;Indautxu|14 Plaza de Indautxu;Moyúa|6 Plaza Moyúa;Deusto|22 Avenida Lehendakari Aguirre
Zaragoza;ES;41.6488;-0.8891;Delicias|78 Avenida de Navarra;El Pilar|12 Plaza del Pilar;Independencia|19 Paseo de la Independencia;Aragonia|5 Avenida de Juan Pablo II
Lisboa;PT;38.7223;-9.1393;Saldanha|7 Praça Duque de Saldanha;Rossio|14 Praça Dom Pedro IV;Marquês de Pombal|3 Praça Marquês de Pombal;Avenidas Novas|88 Avenida da República
Porto;PT;41.1579;-8.6291;Boavista|120 Avenida da Boavista;Trindade|11 Rua da Trindade;Bolhão|37 Rua de Fernandes Tomás;Campanhã|4 Largo da Estação de Campanhã
Roma;IT;41.9028;12.4964;Termini|34 Via Giovanni Giolitti;Prati|80 Via Cola di Rienzo;Villa Borghese|33 Viale del Galoppatoio;Trastevere|21 Viale di Trastevere
Milano;IT;45.4642;9.1900;Porta Nuova|6 Piazza Gae Aulenti;Centrale|9 Piazza Duca d'Aosta;Navigli|28 Ripa di Porta Ticinese;CityLife|2 Piazza Tre Torri
Torino;IT;45.0703;7.6869;Porta Susa|7 Corso Bolzano;Porta Nuova|53 Corso Vittorio Emanuele II;Lingotto|262 Via Nizza;Vittorio Veneto|10 Piazza Vittorio Veneto
Bologna;IT;44.4949;11.3426;Stazione|3 Piazza delle Medaglie d'Oro;Fiera|20 Viale della Fiera;VIII Agosto|12 Piazza VIII Agosto;Saragozza|46 Via Saragozza
Firenze;IT;43.7696;11.2558;Santa Maria Novella|8 Piazza della Stazione;Beccaria|5 Piazza Cesare Beccaria;Campo di Marte|31 Viale Manfredo Fanti;Porta al Prato|2 Viale Fratelli Rosselli
Genève;CH;46.2044;6.1432;Cornavin|7 Place de Cornavin;Plainpalais|14 Rond-Point de Plainpalais;Mont-Blanc|2 Quai du Général-Guisan;Eaux-Vives|39 Rue des Eaux-Vives
Lausanne;CH;46.5197;6.6323;Gare|1 Place de la Gare;Riponne|10 Place de la Riponne;Flon|5 Rue de Genève;Ouchy|6 Avenue de Rhodanie
Monaco;MC;43.7384;7.4246;Casino|3 Place du Casino;La Condamine|12 Rue Grimaldi;Fontvieille|7 Avenue des Papalins;Larvotto|24 Avenue Princesse Grace
"""

_CENTRE = """
Berlin;DE;52.5200;13.4050;Alexanderplatz|7 Grunerstraße;Potsdamer Platz|4 Alte Potsdamer Straße;Kurfürstendamm|195 Kurfürstendamm;Prenzlauer Berg|87 Schönhauser Allee
Hamburg;DE;53.5511;9.9937;HafenCity|5 Am Sandtorkai;Jungfernstieg|14 Jungfernstieg;Altona|20 Große Bergstraße;Sankt Georg|31 Steindamm
München;DE;48.1351;11.5820;Marienplatz|11 Rindermarkt;Hauptbahnhof|10 Bayerstraße;Schwabing|70 Leopoldstraße;Ostbahnhof|9 Orleansplatz
Köln;DE;50.9375;6.9603;Dom|2 Trankgasse;Neumarkt|18 Cäcilienstraße;Ehrenfeld|226 Venloer Straße;Deutz|4 Ottoplatz
Frankfurt am Main;DE;50.1109;8.6821;Hauptwache|6 Kornmarkt;Westend|45 Bockenheimer Landstraße;Ostend|33 Hanauer Landstraße;Sachsenhausen|80 Schweizer Straße
Stuttgart;DE;48.7758;9.1829;Schlossplatz|5 Königstraße;Bohnenviertel|21 Charlottenstraße;Feuersee|64 Rotebühlstraße;Killesberg|15 Heilbronner Straße
Düsseldorf;DE;51.2277;6.7735;Königsallee|60 Königsallee;Medienhafen|11 Speditionstraße;Carlsplatz|3 Carlsplatz;Pempelfort|92 Nordstraße
Leipzig;DE;51.3397;12.3731;Augustusplatz|9 Augustusplatz;Hauptbahnhof|7 Willy-Brandt-Platz;Südvorstadt|54 Karl-Liebknecht-Straße;Plagwitz|30 Karl-Heine-Straße
Dresden;DE;51.0504;13.7373;Altmarkt|10 Wilsdruffer Straße;Neustadt|4 Schlesischer Platz;Prager Straße|12 Prager Straße;Blasewitz|28 Schillerplatz
Hannover;DE;52.3759;9.7320;Kröpcke|8 Georgstraße;Raschplatz|5 Raschplatz;Linden|41 Limmerstraße;List|66 Lister Meile
Nürnberg;DE;49.4521;11.0767;Hauptmarkt|17 Augustinerstraße;Plärrer|6 Am Plärrer;Südstadt|29 Pillenreuther Straße;Wöhrd|3 Prinzregentenufer
Bremen;DE;53.0793;8.8017;Brill|2 Bürgermeister-Smidt-Straße;Hauptbahnhof|13 Bahnhofsplatz;Viertel|75 Vor dem Steintor;Überseestadt|8 Konsul-Smidt-Straße
Wien;AT;48.2082;16.3738;Mariahilf|77 Mariahilfer Straße;Stephansplatz|6 Wollzeile;Hauptbahnhof|1 Am Hauptbahnhof;Praterstern|4 Praterstern
Graz;AT;47.0707;15.4395;Jakominiplatz|12 Jakominiplatz;Hauptbahnhof|32 Europaplatz;Andreas-Hofer-Platz|9 Andreas-Hofer-Platz;Lend|21 Lendplatz
Salzburg;AT;47.8095;13.0550;Altstadt|1 Hildmannplatz;Hauptbahnhof|7 Südtiroler Platz;Mirabell|5 Mirabellplatz;Lehen|14 Ignaz-Harrer-Straße
Zürich;CH;47.3769;8.5417;Bahnhofstrasse|52 Bahnhofstrasse;Oerlikon|9 Hofwiesenstrasse;Hardbrücke|18 Hardstrasse;Enge|30 Bederstrasse
Basel;CH;47.5596;7.5886;Bahnhof SBB|4 Centralbahnplatz;Messe|10 Messeplatz;Steinen|25 Steinenschanze;Claraplatz|3 Claraplatz
Praha;CZ;50.0755;14.4378;Václavské náměstí|41 Václavské náměstí;Smíchov|8 Nádražní;Karlín|17 Sokolovská;Dejvice|5 Evropská
Warszawa;PL;52.2297;21.0122;Centrum|100 Marszałkowska;Wola|22 Prosta;Mokotów|15 Puławska;Praga|34 Targowa
Kraków;PL;50.0647;19.9450;Stare Miasto|11 Powiśle;Dworzec Główny|5 Pawia;Kazimierz|26 Dietla;Podgórze|9 Kalwaryjska
"""

_NORTH_WEST = """
Amsterdam;NL;52.3676;4.9041;Centraal|33 Prins Hendrikkade;Zuidas|14 Gustav Mahlerplein;Museumplein|6 Van Baerlestraat;De Pijp|81 Ferdinand Bolstraat
Rotterdam;NL;51.9244;4.4777;Schouwburgplein|10 Schouwburgplein;Kop van Zuid|125 Wilhelminakade;Blaak|31 Blaak;Kralingen|48 Oudedijk
Utrecht;NL;52.0907;5.1214;Hoog Catharijne|25 Stationsplein;Vredenburg|12 Vredenburg;Jaarbeurs|6 Jaarbeursplein;Wittevrouwen|39 Biltstraat
Den Haag;NL;52.0705;4.3007;Spui|68 Spui;Plein|20 Plein;Centraal Station|9 Koningin Julianaplein;Statenkwartier|210 Frederik Hendriklaan
Eindhoven;NL;51.4416;5.4697;Heuvel|133 Heuvel Galerie;Strijp-S|4 Torenallee;Stationsplein|17 Stationsplein;Woensel|50 Kruisstraat
Groningen;NL;53.2194;6.5665;Grote Markt|21 Grote Markt;Hoofdstation|4 Stationsplein;Ebbingekwartier|8 Boterdiep;Zuiderdiep|63 Gedempte Zuiderdiep
Bruxelles;BE;50.8503;4.3517;De Brouckère|12 Place De Brouckère;Louise|54 Avenue Louise;Schuman|5 Rond-point Schuman;Gare du Midi|47 Avenue Fonsny
Antwerpen;BE;51.2194;4.4025;Groenplaats|8 Groenplaats;Centraal|27 Koningin Astridplein;Zuid|11 Leopold de Waelplaats;Eilandje|3 Godefriduskaai
Gent;BE;51.0543;3.7174;Vrijdagmarkt|37 Vrijdagmarkt;Sint-Pieters|2 Koningin Maria Hendrikaplein;Zuid|40 Woodrow Wilsonplein;Korenmarkt|16 Korenmarkt
Luxembourg;LU;49.6117;6.1319;Gare|11 Place de la Gare;Kirchberg|33 Avenue John F. Kennedy;Hamilius|49 Boulevard Royal;Limpertsberg|20 Avenue de la Faïencerie
København;DK;55.6761;12.5683;Nørreport|18 Nørre Voldgade;Vesterbro|92 Vesterbrogade;Ørestad|4 Ørestads Boulevard;Østerbro|53 Østerbrogade
Stockholm;SE;59.3293;18.0686;Norrmalm|24 Drottninggatan;Södermalm|66 Götgatan;Östermalm|15 Karlavägen;Kungsholmen|41 Fleminggatan
Oslo;NO;59.9139;10.7522;Sentrum|12 Karl Johans gate;Bjørvika|5 Dronning Eufemias gate
"""


def _read(text: str) -> tuple[City, ...]:
    return tuple(_city(*line.split(";")) for line in text.strip().splitlines())


def _city(name: str, country: str, latitude: str, longitude: str, *sites: str) -> City:
    places = [site.split("|", 1) for site in sites]
    return City(name, country, float(latitude), float(longitude), tuple((a, b) for a, b in places))


# In the order of the demo's CPOs: 101, 102, 103.
CITIES: tuple[tuple[City, ...], ...] = (_read(_FRANCE_AND_SOUTH), _read(_CENTRE), _read(_NORTH_WEST))
